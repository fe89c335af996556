// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/wire.hpp"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <stdexcept>

#include "tests/schema/schemas.hpp"

namespace rollo::tests {
namespace {

using common::Json;

Json parse(std::string_view text) {
    auto json = common::readJson(text, {std::size_t{64} << 20, 16, 10000000, 256});
    if (!json) throw std::runtime_error("not JSON: " + json.error().what);
    return std::move(*json);
}

const Json* step(const Json* from, std::string_view name) {
    const auto bracket = name.find('[');
    const Json* json = name.substr(0, bracket).empty() ? from : from->find(name.substr(0, bracket));
    if (bracket == std::string_view::npos || !json || !json->array()) return json;
    std::size_t index = 0;
    std::from_chars(name.data() + bracket + 1, name.data() + name.size(), index);
    return index < json->array()->size() ? &(*json->array())[index] : nullptr;
}

template <class T>
const T& need(const T* value, std::string_view path, std::string_view what) {
    if (!value) throw std::runtime_error(fmt::format("{} is no {}", path, what));
    return *value;
}

std::string_view payloadOf(const proto::Frame& frame) {
    if (static_cast<unsigned char>(frame.wire().front()) != 0x81)
        throw std::runtime_error("not a whole text frame");
    return frame.payload();
}

std::string vm(const Message& m) {
    return fmt::format("{}#{}", m.text("data.vm_name"), m.integer("data.vm_id"));
}

std::string createdLine(const Message& m) {
    return fmt::format("created {}#{} {}", m.text("data.vm.name"), m.integer("data.vm.id"),
                       m.text("data.vm.status"));
}
std::string updatedLine(const Message& m) {
    return fmt::format("updated {} [{}]", m.text("data.vm.name"),
                       fmt::join(m.texts("data.changed"), ","));
}
std::string deletedLine(const Message& m) {
    return fmt::format("deleted {} ({})", vm(m), m.text("data.reason"));
}
std::string statusLine(const Message& m) {
    return fmt::format("{} {}>{} ({})", m.text("data.vm_name"), m.text("data.old_status"),
                       m.text("data.new_status"), m.text("data.reason"));
}
std::string metricsLine(const Message& m) {
    return fmt::format("metrics {}{}", m.text("data.vm_name"),
                       m.flag("data.metrics.stale") ? " stale" : "");
}
std::string serverLine(const Message& m) {
    return fmt::format("server {}>{} ({})", m.text("data.old_status"), m.text("data.new_status"),
                       m.text("data.reason"));
}
std::string alertLine(const Message& m) {
    return fmt::format("alert {} {}", m.text("data.alert_type"), m.text("data.state"));
}
std::string progressLine(const Message& m) {
    return fmt::format("progress {} {} {}", m.text("data.operation_id"),
                       m.number("data.progress_percent"), m.text("data.status"));
}
std::string snapshotLine(const Message& m) {
    std::string names;
    for (std::size_t i = 0; i < m.size("data.vms"); ++i)
        names += " " + m.text(fmt::format("data.vms[{}].name", i));
    return fmt::format("snapshot {}{}", m.text("data.reason"), names);
}
std::string errorLine(const Message& m) {
    return "error " + m.text("data.code");
}

}  // namespace

Document::Document(std::string_view text) : json_(parse(text)) {}

const Json* Document::find(std::string_view path) const {
    const Json* json = &json_;
    while (json && !path.empty()) {
        const auto dot = path.find('.');
        json = step(json, path.substr(0, dot));
        path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    }
    return json;
}

const Json& Document::at(std::string_view path) const {
    return need(find(path), path, "member");
}
std::string Document::text(std::string_view path) const {
    return need(at(path).string(), path, "string");
}
std::int64_t Document::integer(std::string_view path) const {
    return need(at(path).integer(), path, "integer");
}
double Document::number(std::string_view path) const {
    if (const auto* integer = at(path).integer()) return static_cast<double>(*integer);
    return need(at(path).real(), path, "number");
}
bool Document::flag(std::string_view path) const {
    return need(at(path).boolean(), path, "boolean");
}
std::size_t Document::size(std::string_view path) const {
    return need(at(path).array(), path, "array").size();
}

std::vector<std::string> Document::texts(std::string_view path) const {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < size(path); ++i)
        all.push_back(text(fmt::format("{}[{}]", path, i)));
    return all;
}

std::vector<std::int64_t> Document::integers(std::string_view path) const {
    std::vector<std::int64_t> all;
    for (std::size_t i = 0; i < size(path); ++i)
        all.push_back(integer(fmt::format("{}[{}]", path, i)));
    return all;
}

Message::Message(const proto::Frame& frame) : Document(payloadOf(frame)) {
    static Schemas schemas;
    const auto complaints = schemas.complaints("agent/" + type(), frame.payload());
    if (!complaints.empty())
        throw std::runtime_error(fmt::format("{} breaks its schema at {}",
                                             frame.payload().substr(0, 2000),
                                             fmt::join(complaints, "; ")));
}

std::string line(const Message& message) {
    static const std::map<std::string, std::string (*)(const Message&)> lines = {
        {"vm_created", createdLine},
        {"vm_updated", updatedLine},
        {"vm_deleted", deletedLine},
        {"vm_status_changed", statusLine},
        {"vm_metrics_update", metricsLine},
        {"server_status_changed", serverLine},
        {"alert", alertLine},
        {"progress", progressLine},
        {"snapshot", snapshotLine},
        {"error", errorLine},
    };
    const auto found = lines.find(message.type());
    return found == lines.end() ? message.type() : found->second(message);
}

}  // namespace rollo::tests
