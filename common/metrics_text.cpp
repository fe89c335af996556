// SPDX-License-Identifier: Apache-2.0
#include "common/metrics_text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace rollo::common {

namespace {

/// Three characters cannot stand for themselves between the quotes of a label's value.
void appendEscaped(std::string& text, std::string_view value) {
    for (const char c : value) {
        if (c == '\n')
            text += "\\n";
        else if (c == '"' || c == '\\')
            text += {'\\', c};
        else
            text += c;
    }
}

}  // namespace

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                   type);
}

void MetricsText::begin(Labels labels) {
    text_ += name_;
    char before = '{';
    for (const auto& [label, value] : labels) {
        text_ += before;
        text_.append(label).append("=\"");
        appendEscaped(text_, value);
        text_ += '"';
        before = ',';
    }
    if (labels.size() > 0) text_ += '}';
    text_ += ' ';
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
    if (std::isnan(value))
        text_ += "NaN\n";
    else if (std::isinf(value))
        text_ += value > 0 ? "+Inf\n" : "-Inf\n";
    else
        fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void MetricsText::sample(std::uint64_t value, Labels labels) {
    begin(labels);
    fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

}  // namespace rollo::common
