// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/json_reader.hpp"
#include "proto/ids.hpp"

/// Takes a record of the state file apart: nothing where a member is missing or of another type.
namespace rollo::store {

inline const std::int64_t* integerOf(const common::Json& record, std::string_view name) {
    const auto* member = record.find(name);
    return member ? member->integer() : nullptr;
}
inline const std::string* textOf(const common::Json& record, std::string_view name) {
    const auto* member = record.find(name);
    return member ? member->string() : nullptr;
}
inline std::optional<proto::Uuid> uuidOf(const common::Json& record, std::string_view name) {
    const std::string* text = textOf(record, name);
    return text ? proto::Uuid::parse(*text) : std::nullopt;
}
inline std::optional<double> numberOf(const common::Json& record, std::string_view name) {
    const auto* member = record.find(name);
    if (!member) return std::nullopt;
    if (const auto* integer = member->integer()) return static_cast<double>(*integer);
    return member->real() ? std::optional(*member->real()) : std::nullopt;
}

/// For a member that may be null: whether it is there, with the value that one of the above gave of
/// it, or null.
template <class Value>
bool readable(const common::Json& record, std::string_view name, const Value& value) {
    const auto* member = record.find(name);
    return member && (value || member->isNull());
}

}  // namespace rollo::store
