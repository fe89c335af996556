// SPDX-License-Identifier: Apache-2.0
#include "common/metrics_text.hpp"

#include <doctest/doctest.h>

#include <limits>

using rollo::common::MetricsText;

TEST_CASE("a family is written before its samples") {
    MetricsText out;
    out.counter("a_total", "What a is.");
    out.sample(std::uint64_t{18446744073709551615u});
    out.gauge("b", "What b is.");
    out.sample(0.25, {{"reason", "x"}, {"side", "y"}});
    CHECK(out.text() ==
          "# HELP a_total What a is.\n# TYPE a_total counter\na_total 18446744073709551615\n"
          "# HELP b What b is.\n# TYPE b gauge\nb{reason=\"x\",side=\"y\"} 0.25\n");
}

TEST_CASE("a histogram counts up, as Prometheus has it") {
    MetricsText out;
    const double bounds[] = {0.5, 1};
    const std::uint64_t counts[] = {3, 0, 2};
    out.histogram("d", "What d is.", bounds, counts, 7.5);
    CHECK(out.text() ==
          "# HELP d What d is.\n# TYPE d histogram\nd_bucket{le=\"0.5\"} 3\nd_bucket{le=\"1\"} 3\n"
          "d_bucket{le=\"+Inf\"} 5\nd_sum 7.5\nd_count 5\n");
}

TEST_CASE("a label's value cannot break out of its quotes") {
    MetricsText out;
    out.gauge("b", "");
    out.sample(1.0, {{"name", "a\"b\\c\nd"}});
    CHECK(out.text().ends_with("b{name=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST_CASE("a label's value that is not UTF-8 leaves as UTF-8") {
    MetricsText out;
    out.gauge("b", "");
    out.sample(1.0, {{"name", "\xff\"\xc3"}});
    CHECK(out.text().ends_with("b{name=\"\uFFFD\\\"\uFFFD\"} 1\n"));
}

TEST_CASE("a family of one sample needs no more than a line") {
    MetricsText out;
    out.counter("a_total", "A.", 3);
    out.gauge("b", "B.", 0.5);
    CHECK(out.take() ==
          "# HELP a_total A.\n# TYPE a_total counter\na_total 3\n"
          "# HELP b B.\n# TYPE b gauge\nb 0.5\n");
}

TEST_CASE("labels are written once, and nanoseconds as seconds to the last digit") {
    using std::chrono::nanoseconds;
    MetricsText out;
    const MetricsText::Written labels({{"name", "a\"b"}});
    out.counter("t_total", "");
    for (const auto ns : {0, 1, 50'000'000, 1'000'000'000, 2'000'000'010})
        out.sample(nanoseconds(ns), labels);
    out.sample(std::uint64_t{7}, labels);
    const std::string begin = "t_total{name=\"a\\\"b\"} ";
    CHECK(out.text().ends_with(begin + "0\n" + begin + "0.000000001\n" + begin + "0.05\n" + begin +
                               "1\n" + begin + "2.00000001\n" + begin + "7\n"));
}

TEST_CASE("what is no number is written as Prometheus has it") {
    MetricsText out;
    out.gauge("b", "");
    out.sample(std::numeric_limits<double>::quiet_NaN());
    out.sample(std::numeric_limits<double>::infinity());
    out.sample(-std::numeric_limits<double>::infinity());
    CHECK(out.text().ends_with("b NaN\nb +Inf\nb -Inf\n"));
}
