// SPDX-License-Identifier: Apache-2.0
#include "common/json_reader.hpp"
#include "common/json_writer.hpp"
#include "tests/fuzz/fixed_words.hpp"

/// Any text as JSON: what is taken is well-formed and within its limits, and means the same when it
/// is written and read again.
namespace rollo::fuzz {
namespace {

using common::Json;

constexpr common::JsonLimits limits{.bytes = 4096, .depth = 8, .nodes = 256, .keyBytes = 32};

struct Figures {
    std::size_t nodes = 0;
    std::size_t depth = 0;
};

void write(const Json& value, common::JsonWriter& out, Figures& figures, std::size_t depth) {
    ++figures.nodes;
    if (value.isNull()) out.null();
    if (value.boolean()) out.value(*value.boolean());
    if (value.integer()) out.value(*value.integer());
    if (value.real()) out.value(*value.real());
    if (value.string()) {
        demand(common::isUtf8(*value.string()), "a string is UTF-8");
        out.value(std::string_view(*value.string()));
    }
    if (!value.array() && !value.object()) return;
    figures.depth = std::max(figures.depth, ++depth);
    if (value.array()) {
        out.beginArray();
        for (const Json& each : *value.array()) write(each, out, figures, depth);
        out.endArray();
        return;
    }
    std::set<std::string_view> names;
    out.beginObject();
    for (const auto& [name, each] : *value.object()) {
        demand(common::isUtf8(name) && name.size() <= limits.keyBytes, "a name is as it may be");
        demand(names.insert(name).second, "a name is there once");
        out.key(name);
        write(each, out, figures, depth);
    }
    out.endObject();
}

std::string written(const Json& value) {
    common::JsonWriter out;
    Figures figures;
    write(value, out, figures, 0);
    demand(figures.nodes <= limits.nodes && figures.depth <= limits.depth, "limits are kept");
    return std::string(out.text());
}

}  // namespace
}  // namespace rollo::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rollo;
    using namespace rollo::fuzz;
    const auto text = textOf(data, size);
    const auto read = common::readJson(text, limits);
    if (!read) {
        demand(isMadeOf(jsonWords, read.error().what), "an error is made of fixed words");
        demand(read.error().offset <= size, "an error is within the text");
        return 0;
    }
    demand(common::isUtf8(text) && size <= limits.bytes, "what is taken may be taken");
    const std::string once = written(*read);
    const auto again = common::readJson(once, {.bytes = once.size()});
    demand(again.has_value(), "what is written can be read");
    demand(written(*again) == once, "it means the same");
    return 0;
}
