// SPDX-License-Identifier: Apache-2.0
#include "agent/store/state_text.hpp"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include "agent/store/alert_record.hpp"
#include "agent/store/json_members.hpp"
#include "common/json_reader.hpp"
#include "common/json_writer.hpp"

namespace rollo::store {

namespace {

using common::Json;
using core::SavedState;
using core::SavedVm;

constexpr std::int64_t version = 1;
/// Ids that a lost header may have counted beyond those that were recovered.
constexpr proto::VmId gapAfterLoss = 1000;
constexpr proto::VmId largestId = std::numeric_limits<proto::VmId>::max() / 2;

struct Header {
    std::optional<proto::Uuid> serverUuid;
    proto::VmId nextId = 0;
    std::string hostBootId;
    std::int64_t vmCount = 0;
    std::int64_t alertCount = 0;

    bool operator==(const Header&) const = default;
};

void writeHeader(common::JsonWriter& json, const SavedState& state) {
    json.beginObject();
    json.member("version", version);
    json.member("next_id", state.nextId);
    json.key("server_uuid");
    if (state.serverUuid)
        json.value(state.serverUuid->toString());
    else
        json.null();
    json.member("host_boot_id", state.hostBootId);
    json.member("vms", static_cast<std::int64_t>(state.vms.size()));
    json.member("alerts", static_cast<std::int64_t>(state.alerts.size()));
    json.endObject();
}

void writeVm(common::JsonWriter& json, const SavedVm& vm) {
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    json.beginObject();
    json.member("uuid", vm.uuid.toString());
    json.member("id", vm.id);
    json.member("from_platform", vm.fromPlatform);
    json.member("name", vm.name);
    json.member("domain_id", vm.domainId);
    json.member("boot_id", vm.bootId);
    json.member("cpu_time_ns", std::min(vm.cpuTimeNs, largest));
    json.endObject();
}

std::optional<Header> headerOf(const Json& record) {
    const auto* written = integerOf(record, "version");
    const auto* nextId = integerOf(record, "next_id");
    const auto* hostBootId = textOf(record, "host_boot_id");
    const auto* vmCount = integerOf(record, "vms");
    const Json* server = record.find("server_uuid");
    if (!written || *written != version || !nextId || !hostBootId || !vmCount || !server)
        return std::nullopt;
    const auto serverUuid = uuidOf(record, "server_uuid");
    if (!serverUuid && !server->isNull()) return std::nullopt;
    if (*nextId < 0 || *nextId > largestId) return std::nullopt;
    const auto* alerts = integerOf(record, "alerts");  // older agents kept none
    return Header{serverUuid, *nextId, *hostBootId, *vmCount, alerts ? *alerts : 0};
}

std::optional<SavedVm> vmOf(const Json& record) {
    const auto uuid = uuidOf(record, "uuid");
    const auto* id = integerOf(record, "id");
    const Json* platform = record.find("from_platform");
    const auto* name = textOf(record, "name");
    const auto* domainId = integerOf(record, "domain_id");
    const auto* bootId = textOf(record, "boot_id");
    const auto* cpuTime = integerOf(record, "cpu_time_ns");
    if (!uuid || !id || !platform || !platform->boolean() || !name || !domainId || !bootId ||
        !cpuTime)
        return std::nullopt;
    if (*id <= 0 || *id > largestId || *cpuTime < 0 || !std::in_range<int>(*domainId))
        return std::nullopt;
    return SavedVm{*uuid,
                   *id,
                   *platform->boolean(),
                   *name,
                   static_cast<int>(*domainId),
                   *bootId,
                   static_cast<std::uint64_t>(*cpuTime)};
}

/// Collects the records in the order of the file.
class Salvage {
  public:
    void take(std::string_view line) {
        const auto record = common::readJson(line);
        auto header = record ? headerOf(*record) : std::nullopt;
        auto vm = record && !header ? vmOf(*record) : std::nullopt;
        auto alert = record && !header && !vm ? alertOf(*record) : std::nullopt;
        lastIsHeader_ = header.has_value();
        const bool kept = (vm && isNew(*vm)) || (alert && isNew(*alert));
        if (header)
            headers_.push_back(std::move(*header));
        else if (!kept || headers_.size() != 1)
            ++reading_.unreadableLines;
        if (!kept) return;
        if (vm)
            keep(std::move(*vm));
        else
            keep(std::move(*alert));
    }

    StateReading finish() {
        SavedState& state = reading_.state;
        reading_.headerFound = !headers_.empty();
        for (const Header& header : headers_) {
            state.nextId = std::max(state.nextId, header.nextId);
            state.serverUuid = header.serverUuid;
            state.hostBootId = header.hostBootId;
        }
        reading_.intact = isIntact();
        if (largestAllotted_ > 0)
            state.nextId =
                std::max(state.nextId, largestAllotted_ + (headers_.empty() ? gapAfterLoss : 1));
        return std::move(reading_);
    }

  private:
    bool isNew(const SavedVm& vm) const {
        return !uuids_.contains(vm.uuid) && !ids_.contains(vm.id);
    }
    bool isNew(const proto::Alert& alert) const { return !alerts_.contains(alert.id); }
    void keep(proto::Alert alert) {
        alerts_.insert(alert.id);
        reading_.state.alerts.push_back(std::move(alert));
    }
    void keep(SavedVm vm) {
        uuids_.insert(vm.uuid);
        ids_.insert(vm.id);
        if (!vm.fromPlatform) largestAllotted_ = std::max(largestAllotted_, vm.id);
        reading_.state.vms.push_back(std::move(vm));
    }
    bool isIntact() const {
        return reading_.unreadableLines == 0 && headers_.size() == 2 && lastIsHeader_ &&
               headers_[0] == headers_[1] &&
               std::cmp_equal(headers_[0].vmCount, reading_.state.vms.size()) &&
               std::cmp_equal(headers_[0].alertCount, reading_.state.alerts.size()) &&
               largestAllotted_ < std::max<proto::VmId>(headers_[0].nextId, 1);
    }

    StateReading reading_;
    std::vector<Header> headers_;
    bool lastIsHeader_ = false;
    std::unordered_set<proto::Uuid> uuids_;
    std::unordered_set<proto::VmId> ids_;
    std::unordered_set<std::string> alerts_;
    proto::VmId largestAllotted_ = 0;
};

}  // namespace

std::string writeStateText(const SavedState& state) {
    common::JsonWriter json;
    std::string text;
    const auto endLine = [&] {
        text.append(json.text());
        text.push_back('\n');
        json.clear();
    };
    writeHeader(json, state);
    endLine();
    for (const SavedVm& vm : state.vms) {
        writeVm(json, vm);
        endLine();
    }
    for (const auto& alert : state.alerts) {
        write(json, alert);
        endLine();
    }
    writeHeader(json, state);
    endLine();
    return text;
}

StateReading readStateText(std::string_view text) {
    Salvage salvage;
    for (std::string_view rest = text; !rest.empty();) {
        const auto end = rest.find('\n');
        salvage.take(rest.substr(0, end));
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
    return salvage.finish();
}

}  // namespace rollo::store
