// SPDX-License-Identifier: Apache-2.0
#include "common/json_reader.hpp"

#include <stdexcept>

// An assertion of the parser must not let untrusted text end the process.
#define RAPIDJSON_ASSERT(condition) \
    ((condition) ? static_cast<void>(0) : throw std::logic_error("JSON parser: " #condition))

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "common/utf8.hpp"

namespace rollo::common {

namespace {

// Numbers come as text, because RapidJSON 1.1's own exact conversion reads out of bounds on a
// fraction that begins with some hundreds of zeros, and its other one is not exact.
constexpr unsigned parseFlags = rapidjson::kParseIterativeFlag |
                                rapidjson::kParseValidateEncodingFlag |
                                rapidjson::kParseNumbersAsStringsFlag;
/// Up to here, comparing every pair of names is cheaper than sorting them.
constexpr std::size_t fewMembers = 12;
constexpr const char* unexpectedNumber = "unexpected number";

bool hasDuplicates(const Json::Object& members) {
    if (members.size() <= fewMembers) {
        for (auto left = members.begin(); left != members.end(); ++left)
            if (std::any_of(members.begin(), left,
                            [&](const auto& other) { return other.first == left->first; }))
                return true;
        return false;
    }
    std::vector<std::string_view> names;
    names.reserve(members.size());
    for (const auto& [name, value] : members) names.emplace_back(name);
    std::ranges::sort(names);
    return std::ranges::adjacent_find(names) != names.end();
}

/// Builds the value from the parser's events; a callback that returns false ends the parse.
class Builder {
  public:
    explicit Builder(const JsonLimits& limits) : limits_(limits) {}

    bool Null() { return add(Json()); }
    bool Bool(bool value) { return add(Json(value)); }
    // Not called, as numbers come as text; the parser wants them all the same.
    bool Int(int) { return refuse(unexpectedNumber); }
    bool Uint(unsigned) { return refuse(unexpectedNumber); }
    bool Int64(std::int64_t) { return refuse(unexpectedNumber); }
    bool Uint64(std::uint64_t) { return refuse(unexpectedNumber); }
    bool Double(double) { return refuse(unexpectedNumber); }
    bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
        const char* const end = text + size;
        std::int64_t integer = 0;
        if (std::from_chars(text, end, integer) == std::from_chars_result{end, std::errc()})
            return add(Json(integer));
        double real = 0;
        if (std::from_chars(text, end, real) == std::from_chars_result{end, std::errc()})
            return add(Json(real));
        return refuse("a number is out of range");
    }
    bool String(const char* text, rapidjson::SizeType size, bool) {
        // An escaped lone surrogate passes the parser.
        if (!isUtf8({text, size})) return refuse("a string is not valid Unicode");
        return add(Json(std::string(text, size)));
    }
    bool Key(const char* text, rapidjson::SizeType size, bool) {
        if (size > limits_.keyBytes) return refuse("a member name is too long");
        if (!isUtf8({text, size})) return refuse("a member name is not valid Unicode");
        open_.back().object->emplace_back(std::string(text, size), Json());
        return true;
    }
    bool StartObject() { return begin(Json(Json::Object())); }
    bool StartArray() { return begin(Json(Json::Array())); }
    bool EndObject(rapidjson::SizeType) {
        if (hasDuplicates(*open_.back().object)) return refuse("a member name occurs twice");
        open_.pop_back();
        return true;
    }
    bool EndArray(rapidjson::SizeType) {
        open_.pop_back();
        return true;
    }

    Json take() { return std::move(root_); }
    const char* refusal() const { return refusal_; }

  private:
    bool refuse(const char* why) {
        refusal_ = why;
        return false;
    }
    bool add(Json&& value) { return place(std::move(value)) != nullptr; }
    bool begin(Json&& container) {
        if (open_.size() >= limits_.depth) return refuse("nested too deeply");
        Json* placed = place(std::move(container));
        if (!placed) return false;
        // The pointers stay good: its parent grows only when this one is closed again.
        open_.push_back({placed->array(), placed->object()});
        return true;
    }
    /// Not inlined, because g++ 12 then sees members of the variant that were never set.
    [[gnu::noinline]] Json* place(Json&& value) {
        if (++nodes_ > limits_.nodes) {
            refuse("too many values");
            return nullptr;
        }
        Json* at = &root_;
        if (!open_.empty()) {
            const Container& parent = open_.back();
            at = parent.array ? &parent.array->emplace_back() : &parent.object->back().second;
        }
        *at = std::move(value);
        return at;
    }

    /// One of the two is set.
    struct Container {
        Json::Array* array;
        Json::Object* object;
    };

    const JsonLimits& limits_;
    Json root_;
    std::vector<Container> open_;
    std::size_t nodes_ = 0;
    const char* refusal_ = nullptr;
};

std::unexpected<JsonError> failure(const char* what, std::size_t offset) {
    return std::unexpected(JsonError{what, offset});
}

std::expected<Json, JsonError> parse(std::string_view text, const JsonLimits& limits) {
    Builder builder(limits);
    rapidjson::MemoryStream stream(text.data(), text.size());
    rapidjson::Reader reader;
    const rapidjson::ParseResult result = reader.Parse<parseFlags>(stream, builder);
    if (!result) {
        const char* why = builder.refusal();
        return failure(why ? why : rapidjson::GetParseError_En(result.Code()), result.Offset());
    }
    return builder.take();
}

}  // namespace

const Json* Json::find(std::string_view name) const {
    const Object* members = object();
    if (!members) return nullptr;
    const auto found = std::ranges::find(*members, name, &Member::first);
    return found == members->end() ? nullptr : &found->second;
}

std::expected<Json, JsonError> readJson(std::string_view text, const JsonLimits& limits) {
    if (text.size() > limits.bytes) return failure("too long", limits.bytes);
    if (text.starts_with("\xef\xbb\xbf")) return failure("begins with a byte order mark", 0);
    if (const auto nul = text.find('\0'); nul != text.npos)
        return failure("contains a NUL byte", nul);
    try {
        return parse(text, limits);
    } catch (const std::logic_error&) {
        return failure("not readable", 0);
    }
}

}  // namespace rollo::common
