// SPDX-License-Identifier: Apache-2.0
#include "proto/fields.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace rollo::proto::fields {

void wrong(std::string field, std::string what) {
    throw Wrong{std::move(field), std::move(what)};
}

const Json* member(const Json& object, std::string_view name) {
    const Json* found = object.find(name);
    return found && !found->isNull() ? found : nullptr;
}

const Json& requiredMember(const Json& object, std::string_view path, std::string_view name) {
    const Json* found = member(object, name);
    if (!found) wrong(below(path, name), "is missing");
    return *found;
}

void onlyMembers(const Json& object, std::string_view path,
                 std::initializer_list<std::string_view> known) {
    for (const auto& [name, value] : *object.object())
        if (std::find(known.begin(), known.end(), name) == known.end())
            wrong(std::string(path), "has a member that is not known here");
}

std::string below(std::string_view path, std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

const std::string& requireString(const Json& value, const std::string& path, std::size_t most) {
    const std::string* text = value.string();
    if (!text) wrong(path, "must be a string");
    if (text->empty()) wrong(path, "must not be empty");
    if (text->size() > most) wrong(path, fmt::format("must be at most {} bytes", most));
    return *text;
}

const Json::Array& requireArray(const Json& value, const std::string& path, std::size_t most) {
    const Json::Array* array = value.array();
    if (!array) wrong(path, "must be an array");
    if (array->size() > most) wrong(path, fmt::format("must have at most {} items", most));
    return *array;
}

std::int64_t requireInteger(const Json& value, const std::string& path, std::int64_t least,
                            std::int64_t most) {
    const std::int64_t* number = value.integer();
    if (!number) wrong(path, "must be an integer");
    if (*number < least) wrong(path, fmt::format("must be at least {}", least));
    if (*number > most)
        wrong(path, most == largestInteger ? std::string("must be at most 2^53 - 1")
                                           : fmt::format("must be at most {}", most));
    return *number;
}

double requireNumber(const Json& value, const std::string& path, double least, double most) {
    const std::int64_t* integer = value.integer();
    if (!integer && !value.real()) wrong(path, "must be a number");
    const double number = integer ? static_cast<double>(*integer) : *value.real();
    if (number < least) wrong(path, fmt::format("must be at least {}", least));
    if (number > most) wrong(path, fmt::format("must be at most {}", most));
    return number;
}

bool requireBoolean(const Json& value, const std::string& path) {
    const bool* boolean = value.boolean();
    if (!boolean) wrong(path, "must be true or false");
    return *boolean;
}

}  // namespace rollo::proto::fields
