// SPDX-License-Identifier: Apache-2.0
#include "common/json_writer.hpp"
#include "proto/codec.hpp"
#include "proto/json_objects.hpp"

namespace rollo::proto {
namespace {

using common::JsonWriter;
using common::Now;

std::string written(const auto& writeIt) {
    JsonWriter json;
    writeIt(json);
    return std::string(json.text());
}

std::string serverJson(const ServerInfo& server, const ServerMetrics* metrics, const Now& now) {
    return written([&](JsonWriter& json) {
        json.beginObject();
        writeMembers(json, server);
        json.key("metrics");
        if (metrics)
            write(json, *metrics, now);
        else
            json.null();
        json.endObject();
    });
}

std::string vmJson(const VmState& vm, const Now& now) {
    return written([&](JsonWriter& json) { write(json, *vm.info, vm.metrics, true, now); });
}

/// The VMs' objects, joined by commas, cut into parts of at most `partBytes`; at least one part.
std::vector<std::string> partsOf(const std::vector<VmState>& vms, std::size_t partBytes,
                                 const Now& now) {
    std::vector<std::string> parts(1);
    for (const auto& vm : vms) {
        const std::string object = vmJson(vm, now);
        if (!parts.back().empty() && parts.back().size() + 1 + object.size() > partBytes)
            parts.emplace_back();
        if (!parts.back().empty()) parts.back() += ',';
        parts.back() += object;
    }
    return parts;
}

template <class Object>
void writeAll(JsonWriter& json, std::string_view name, const std::vector<const Object*>& objects) {
    json.key(name);
    json.beginArray();
    for (const Object* object : objects) {
        json.beginObject();
        writeMembers(json, *object);
        json.endObject();
    }
    json.endArray();
}

/// What is small stands in the first part; a client puts the `vms` of all parts together.
void writeFirstPart(JsonWriter& json, const Snapshot& snapshot, const Now& now) {
    json.key("server");
    if (snapshot.server)
        json.raw(serverJson(*snapshot.server, snapshot.serverMetrics, now));
    else
        json.null();
    writeAll(json, "operations", snapshot.operations);
    writeAll(json, "alerts", snapshot.alerts);
}

}  // namespace

std::vector<Frame> encode(const Snapshot& snapshot, const Now& now, std::size_t partBytes) {
    const std::vector<std::string> parts = partsOf(snapshot.vms, partBytes, now);
    const std::string timestamp = common::formatTimestamp(now.wall);
    std::vector<Frame> frames;
    frames.reserve(parts.size());
    JsonWriter json;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        json.clear();
        json.beginObject();
        json.member("type", "snapshot");
        json.key("data");
        json.beginObject();
        json.member("epoch", snapshot.epoch);
        json.member("seq", snapshot.seq);
        json.member("reason", word(snapshot.reason));
        json.member("part", static_cast<std::uint64_t>(i + 1));
        json.member("parts", static_cast<std::uint64_t>(parts.size()));
        if (i == 0) writeFirstPart(json, snapshot, now);
        json.key("vms");
        json.raw("[" + parts[i] + "]");
        json.member("timestamp", timestamp);
        json.endObject();
        json.member("timestamp", timestamp);
        json.endObject();
        frames.push_back(Frame::text(json.text()));
    }
    return frames;
}

std::string encodeServer(const ServerInfo& server, const ServerMetrics* metrics, const Now& now) {
    return serverJson(server, metrics, now);
}

std::string encodeVm(const VmState& vm, const Now& now) {
    return vmJson(vm, now);
}

std::string encodeOperations(const std::vector<const Progress*>& operations) {
    return written([&](JsonWriter& json) {
        json.beginObject();
        writeAll(json, "operations", operations);
        json.endObject();
    });
}

std::string encodeAlerts(const std::vector<const Alert*>& alerts) {
    return written([&](JsonWriter& json) {
        json.beginObject();
        writeAll(json, "alerts", alerts);
        json.endObject();
    });
}

std::string encodeVms(const std::vector<VmState>& vms, const Now& now) {
    return "{\"vms\":[" + partsOf(vms, std::string::npos, now).front() + "]}";
}

}  // namespace rollo::proto
