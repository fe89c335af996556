// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace rollo::common {

/// Writes figures in Prometheus' text format, version 0.0.4: first a family, then its samples.
/// Names and help are the program's own words; label values may be anybody's.
class MetricsText {
  public:
    using Label = std::pair<std::string_view, std::string_view>;
    using Labels = std::initializer_list<Label>;

    /// The samples that follow only grow; the name ends with `_total`.
    void counter(std::string_view name, std::string_view help) { family(name, "counter", help); }
    void gauge(std::string_view name, std::string_view help) { family(name, "gauge", help); }

    /// A whole family: how many values were at most `bounds[i]` and above the bound before (one
    /// more count for those above all), and their sum.
    void histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                   std::span<const std::uint64_t> counts, double sum);

    void sample(double value, Labels labels = {});
    void sample(std::uint64_t value, Labels labels = {});

    const std::string& text() const { return text_; }

  private:
    void family(std::string_view name, std::string_view type, std::string_view help);
    void begin(Labels labels);

    std::string text_;
    std::string name_;
};

}  // namespace rollo::common
