// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace rollo::common {

/// Writes one compact JSON text (RFC 8259). Strings that are not UTF-8 leave with U+FFFD in the
/// place of each bad byte, doubles that are not finite as null: what leaves is always valid.
/// The buffer is kept between texts, so that a steady stream of them does not allocate.
class JsonWriter {
  public:
    JsonWriter();
    ~JsonWriter();
    JsonWriter(const JsonWriter&) = delete;
    JsonWriter& operator=(const JsonWriter&) = delete;

    /// Forgets the text written so far.
    void clear();
    std::string_view text() const;

    void beginObject();
    void endObject();
    void beginArray();
    void endArray();
    void key(std::string_view name);
    void null();
    void value(bool value);
    void value(int value) { this->value(static_cast<std::int64_t>(value)); }
    void value(std::int64_t value);
    void value(std::uint64_t value);
    /// Rounded to three decimals: figures are measurements, and bytes are sent to everybody.
    void value(double value);
    void value(std::string_view value);
    void value(const char* text) { value(std::string_view(text)); }
    /// A JSON text that was written before.
    void raw(std::string_view json);

    template <class T>
    void value(const std::optional<T>& value) {
        if (value)
            this->value(*value);
        else
            null();
    }
    template <class T>
    void value(const std::vector<T>& values) {
        beginArray();
        for (const auto& each : values) value(each);
        endArray();
    }
    template <class T>
    void member(std::string_view name, const T& value) {
        key(name);
        this->value(value);
    }

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rollo::common
