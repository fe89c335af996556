// SPDX-License-Identifier: Apache-2.0
#include "common/json_writer.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

#include "common/utf8.hpp"

namespace rollo::common {

namespace {

/// Below this, a double times a thousand is exact enough to be rounded as an integer.
constexpr double largestWithDecimals = 9e12;

/// Rounded to thousandths without trailing zeros. Returns the end of what was written.
char* formatRounded(char* begin, char* end, double value) {
    const auto thousandths = static_cast<std::int64_t>(std::llround(value * 1000));
    char* at = begin;
    if (thousandths < 0) *at++ = '-';
    const std::int64_t magnitude = std::abs(thousandths);
    at = std::to_chars(at, end, magnitude / 1000).ptr;
    if (const auto fraction = static_cast<int>(magnitude % 1000)) {
        *at++ = '.';
        *at++ = static_cast<char>('0' + fraction / 100);
        *at++ = static_cast<char>('0' + fraction / 10 % 10);
        *at++ = static_cast<char>('0' + fraction % 10);
        while (at[-1] == '0') --at;
    }
    return at;
}

class Writer : public rapidjson::Writer<rapidjson::StringBuffer> {
  public:
    using rapidjson::Writer<rapidjson::StringBuffer>::Writer;

    /// As RawValue, but in one piece.
    void raw(std::string_view json, rapidjson::Type type) {
        Prefix(type);
        std::memcpy(os_->Push(json.size()), json.data(), json.size());
    }
};

}  // namespace

struct JsonWriter::State {
    rapidjson::StringBuffer buffer;
    Writer writer{buffer};
};

JsonWriter::JsonWriter() : state_(std::make_unique<State>()) {}
JsonWriter::~JsonWriter() = default;

void JsonWriter::clear() {
    state_->buffer.Clear();
    state_->writer.Reset(state_->buffer);
}

std::string_view JsonWriter::text() const {
    return {state_->buffer.GetString(), state_->buffer.GetSize()};
}

void JsonWriter::beginObject() {
    state_->writer.StartObject();
}
void JsonWriter::endObject() {
    state_->writer.EndObject();
}
void JsonWriter::beginArray() {
    state_->writer.StartArray();
}
void JsonWriter::endArray() {
    state_->writer.EndArray();
}
void JsonWriter::key(std::string_view name) {
    value(name);
}
void JsonWriter::null() {
    state_->writer.Null();
}
void JsonWriter::value(bool value) {
    state_->writer.Bool(value);
}
void JsonWriter::value(std::int64_t value) {
    state_->writer.Int64(value);
}
void JsonWriter::value(std::uint64_t value) {
    state_->writer.Uint64(value);
}

void JsonWriter::value(double value) {
    if (!std::isfinite(value)) return null();
    std::array<char, 64> text;
    char* const begin = text.data();
    char* const end = begin + text.size();
    char* const last = std::abs(value) < largestWithDecimals ? formatRounded(begin, end, value)
                                                             : std::to_chars(begin, end, value).ptr;
    raw({begin, static_cast<std::size_t>(last - begin)});
}

void JsonWriter::value(std::string_view value) {
    // RapidJSON takes no null pointer, which is what an empty view may have.
    if (value.empty()) value = "";
    if (isUtf8(value)) {
        state_->writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
        return;
    }
    const std::string clean = toUtf8(value);
    state_->writer.String(clean.data(), static_cast<rapidjson::SizeType>(clean.size()));
}

void JsonWriter::raw(std::string_view json) {
    state_->writer.raw(json, rapidjson::kObjectType);
}

}  // namespace rollo::common
