// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>

#include "common/json_reader.hpp"

/// How the members of untrusted JSON are read: each function takes one value as what it has to be,
/// or throws Wrong. For the files that decode, which let none of it out.
namespace rollo::proto::fields {

using common::Json;

constexpr std::int64_t largestInteger = (std::int64_t{1} << 53) - 1;  // what every client can hold

/// A deep reader says what is wrong where it sees it.
struct Wrong {
    std::string field;  ///< a path of schema names and indexes
    std::string what;   ///< fixed text
};

[[noreturn]] void wrong(std::string field, std::string what);

/// The member, where null means the same as absent: serialisers of clients write either.
const Json* member(const Json& object, std::string_view name);
/// The same for one that has to be there. `path` is that of the object.
const Json& requiredMember(const Json& object, std::string_view path, std::string_view name);
void onlyMembers(const Json& object, std::string_view path,
                 std::initializer_list<std::string_view> known);

/// The path of a member of the object at `path`, which is empty for the outermost one.
std::string below(std::string_view path, std::string_view name);

/// Not empty, at most so many bytes.
const std::string& requireString(const Json& value, const std::string& path, std::size_t most);
const Json::Array& requireArray(const Json& value, const std::string& path, std::size_t most);
std::int64_t requireInteger(const Json& value, const std::string& path, std::int64_t least,
                            std::int64_t most = largestInteger);
/// An integer or not.
double requireNumber(const Json& value, const std::string& path,
                     double least = std::numeric_limits<double>::lowest(),
                     double most = std::numeric_limits<double>::max());
bool requireBoolean(const Json& value, const std::string& path);

}  // namespace rollo::proto::fields
