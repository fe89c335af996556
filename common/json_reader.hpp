// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace rollo::common {

/// A JSON value that has been read and checked (RFC 8259). Integers that fit 64 bits with sign stay
/// integers; everything else that is a number is a double.
class Json {
  public:
    using Array = std::vector<Json>;
    using Member = std::pair<std::string, Json>;
    using Object = std::vector<Member>;

    Json() = default;
    template <class T>
    explicit Json(T value) : value_(std::move(value)) {}

    bool isNull() const { return std::holds_alternative<std::nullptr_t>(value_); }
    const bool* boolean() const { return std::get_if<bool>(&value_); }
    const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value_); }
    const double* real() const { return std::get_if<double>(&value_); }
    const std::string* string() const { return std::get_if<std::string>(&value_); }
    const Array* array() const { return std::get_if<Array>(&value_); }
    const Object* object() const { return std::get_if<Object>(&value_); }
    Array* array() { return std::get_if<Array>(&value_); }
    Object* object() { return std::get_if<Object>(&value_); }

    /// The member of that name; null if this is no object or has none.
    const Json* find(std::string_view name) const;

  private:
    std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value_ =
        nullptr;
};

/// What untrusted text may cost at most.
struct JsonLimits {
    std::size_t bytes = 65536;
    std::size_t depth = 16;
    std::size_t nodes = 50000;
    std::size_t keyBytes = 256;
};

struct JsonError {
    std::string what;        ///< fixed text, never a piece of the input
    std::size_t offset = 0;  ///< bytes from the start
};

/// Reads one JSON text. Refuses what RapidJSON lets through: duplicate keys, invalid UTF-8, bytes
/// after the text, a BOM, and anything beyond the limits.
std::expected<Json, JsonError> readJson(std::string_view text, const JsonLimits& limits = {});

}  // namespace rollo::common
