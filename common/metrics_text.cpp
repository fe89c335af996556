// SPDX-License-Identifier: Apache-2.0
#include "common/metrics_text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "common/utf8.hpp"

namespace rollo::common {

namespace {

/// Three characters cannot stand for themselves between the quotes of a label's value.
void appendEscaped(std::string& text, std::string_view value) {
    if (!isUtf8(value)) return appendEscaped(text, toUtf8(value));
    std::size_t plain = 0;  // where what stands for itself begins
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (c != '\n' && c != '"' && c != '\\') continue;
        text.append(value, plain, i - plain);
        text += '\\';
        text += c == '\n' ? 'n' : c;
        plain = i + 1;
    }
    text.append(value, plain);
}

void appendLabels(std::string& text, MetricsText::Labels labels) {
    char before = '{';
    for (const auto& [label, value] : labels) {
        text += before;
        text.append(label).append("=\"");
        appendEscaped(text, value);
        text += '"';
        before = ',';
    }
    if (labels.size() > 0) text += '}';
}

void appendSeconds(std::string& text, std::chrono::nanoseconds time) {
    constexpr std::uint64_t second = 1'000'000'000;
    const auto ns = static_cast<std::uint64_t>(time.count());
    const fmt::format_int whole(ns / second);
    text.append(whole.data(), whole.size());
    if (ns % second == 0) return;
    // With a one in front, the zeros that follow the point stand there as well.
    const fmt::format_int padded(second + ns % second);
    std::string_view fraction(padded.data() + 1, padded.size() - 1);
    fraction = fraction.substr(0, fraction.find_last_not_of('0') + 1);
    text += '.';
    text += fraction;
}

}  // namespace

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                   type);
}

void MetricsText::counter(std::string_view name, std::string_view help, std::uint64_t value) {
    counter(name, help);
    sample(value);
}

void MetricsText::gauge(std::string_view name, std::string_view help, double value) {
    gauge(name, help);
    sample(value);
}

MetricsText::Written::Written(Labels labels) {
    appendLabels(text_, labels);
}

void MetricsText::begin(Labels labels) {
    text_ += name_;
    appendLabels(text_, labels);
}

void MetricsText::begin(const Written& labels) {
    text_ += name_;
    text_ += labels.text_;
}

void MetricsText::end(std::uint64_t value) {
    const fmt::format_int digits(value);
    text_ += ' ';
    text_.append(digits.data(), digits.size());
    text_ += '\n';
}

void MetricsText::end(double value) {
    if (std::isnan(value))
        text_ += " NaN\n";
    else if (std::isinf(value))
        text_ += value > 0 ? " +Inf\n" : " -Inf\n";
    else
        fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

void MetricsText::histogram(std::string_view name, std::string_view help,
                            std::span<const double> bounds, std::span<const std::uint64_t> counts,
                            double sum) {
    family(name, "histogram", help);
    std::uint64_t upTo = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        upTo += counts[i];
        name_ = fmt::format("{}_bucket", name);
        sample(upTo, {{"le", i < bounds.size() ? fmt::format("{}", bounds[i]) : "+Inf"}});
    }
    name_ = fmt::format("{}_sum", name);
    sample(sum);
    name_ = fmt::format("{}_count", name);
    sample(upTo);
}

void MetricsText::sample(double value, Labels labels) {
    begin(labels);
    end(value);
}

void MetricsText::sample(std::uint64_t value, Labels labels) {
    begin(labels);
    end(value);
}

void MetricsText::sample(double value, const Written& labels) {
    begin(labels);
    end(value);
}

void MetricsText::sample(std::uint64_t value, const Written& labels) {
    begin(labels);
    end(value);
}

void MetricsText::sample(std::chrono::nanoseconds value, const Written& labels) {
    begin(labels);
    text_ += ' ';
    appendSeconds(text_, value);
    text_ += '\n';
}

}  // namespace rollo::common
