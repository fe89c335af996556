// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace rollo::common {

/// Writes figures in Prometheus' text format, version 0.0.4: first a family, then its samples.
/// Names and help are the program's own words; label values may be anybody's: what is not UTF-8
/// leaves with U+FFFD in the place of each bad byte.
class MetricsText {
  public:
    using Label = std::pair<std::string_view, std::string_view>;
    using Labels = std::initializer_list<Label>;

    /// The samples that follow only grow; the name ends with `_total`.
    void counter(std::string_view name, std::string_view help) { family(name, "counter", help); }
    void gauge(std::string_view name, std::string_view help) { family(name, "gauge", help); }
    /// A family of one sample without labels.
    void counter(std::string_view name, std::string_view help, std::uint64_t value);
    void gauge(std::string_view name, std::string_view help, double value);

    /// A whole family: how many values were at most `bounds[i]` and above the bound before (one
    /// more count for those above all), and their sum.
    void histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                   std::span<const std::uint64_t> counts, double sum);

    void sample(double value, Labels labels = {});
    void sample(std::uint64_t value, Labels labels = {});

    /// Labels written once for the samples of many families.
    class Written {
      public:
        explicit Written(Labels labels);

      private:
        friend class MetricsText;
        std::string text_;
    };
    void sample(std::uint64_t value, const Written& labels);
    void sample(double value, const Written& labels);
    /// Nanoseconds, written as seconds without being rounded.
    void sample(std::chrono::nanoseconds value, const Written& labels);

    /// Makes room for so many more bytes at once.
    void expect(std::size_t bytes) { text_.reserve(text_.size() + bytes); }

    const std::string& text() const { return text_; }
    /// The text, once; there is none afterwards.
    std::string take() { return std::move(text_); }

  private:
    void family(std::string_view name, std::string_view type, std::string_view help);
    void begin(Labels labels);
    void begin(const Written& labels);
    void end(std::uint64_t value);
    void end(double value);

    std::string text_;
    std::string name_;
};

}  // namespace rollo::common
