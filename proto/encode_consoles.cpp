// SPDX-License-Identifier: Apache-2.0
#include "common/json_writer.hpp"
#include "proto/codec.hpp"

namespace rollo::proto {
namespace {

void write(common::JsonWriter& json, const ConsoleInfo::Viewer& viewer) {
    json.beginObject();
    json.member("user", viewer.user);
    json.member("address", viewer.address);
    json.member("connection_id", viewer.connectionId);
    json.member("writer", viewer.writer);
    json.member("mode", viewer.mayWrite ? "rw" : "ro");
    json.endObject();
}

void write(common::JsonWriter& json, const ConsoleInfo& console) {
    json.beginObject();
    json.member("device", console.device);
    json.member("kind", console.kind);
    json.member("backend", console.backend);
    json.member("openable", console.openable);
    json.member("log", console.log);
    json.member("status", word(console.state));
    json.member("message", console.message);
    json.member("boot_id", console.bootId);
    json.member("start_offset", console.startOffset);
    json.member("next_offset", console.nextOffset);
    json.member("kept_bytes", console.keptBytes);
    json.member("writer_user", console.writerUser);
    json.key("viewers");
    json.beginArray();
    for (const auto& viewer : console.viewers) write(json, viewer);
    json.endArray();
    json.endObject();
}

}  // namespace

std::string encodeConsoles(const std::vector<ConsoleInfo>& consoles) {
    common::JsonWriter json;
    json.beginObject();
    json.key("consoles");
    json.beginArray();
    for (const auto& console : consoles) write(json, console);
    json.endArray();
    json.endObject();
    return std::string(json.text());
}

}  // namespace rollo::proto
