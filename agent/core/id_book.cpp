// SPDX-License-Identifier: Apache-2.0
#include "agent/core/id_book.hpp"

#include <algorithm>
#include <utility>

namespace rollo::core {
namespace {

/// How many VMs that are gone keep their id: a transient guest that comes back gets its own again.
constexpr std::size_t mostDeparted = 10000;

}  // namespace

IdBook::IdBook(const SavedState& saved, proto::VmId firstId)
    : nextId_(std::max(saved.nextId, firstId)) {
    for (const auto& vm : saved.vms) {
        if (owners_.contains(vm.id) || entries_.contains(vm.uuid)) continue;
        Entry entry;
        entry.id = vm.id;
        entry.fromPlatform = vm.fromPlatform;
        if (!vm.fromPlatform) entry.allotted = vm.id;
        // Which of them still exist is not known yet.
        entry.departed = departed_.insert(departed_.end(), vm.uuid);
        entries_[vm.uuid] = entry;
        owners_[vm.id] = vm.uuid;
    }
}

proto::VmId IdBook::allot(Entry& entry) {
    if (entry.allotted == 0) {
        while (owners_.contains(nextId_)) ++nextId_;
        entry.allotted = nextId_++;
    }
    return entry.allotted;
}

IdBook::Given IdBook::assign(const proto::Uuid& uuid, std::optional<proto::VmId> platformId) {
    Entry& entry = entries_[uuid];
    entry.present = true;
    if (entry.departed) departed_.erase(*std::exchange(entry.departed, {}));
    Given given;
    if (platformId) {
        const auto owner = owners_.find(*platformId);
        const bool others = owner != owners_.end() && owner->second != uuid;
        if (others && keeps(owner->second, *platformId)) {
            given.conflictWith = owner->second;
        } else {
            given.fromPlatform = true;
            if (others) giveUpClaim(proto::Uuid(owner->second));
        }
    }
    given.id = given.fromPlatform ? *platformId : allot(entry);
    if (entry.fromPlatform && entry.id != given.id) disown(uuid, entry.id);
    entry.id = given.id;
    entry.fromPlatform = given.fromPlatform;
    owners_[given.id] = uuid;
    return given;
}

void IdBook::disown(const proto::Uuid& uuid, proto::VmId id) {
    const auto owner = owners_.find(id);
    if (owner != owners_.end() && owner->second == uuid) owners_.erase(owner);
}

/// A VM that exists keeps its id, and each VM for good the one that was allotted to it.
bool IdBook::keeps(const proto::Uuid& uuid, proto::VmId id) const {
    const Entry& entry = entries_.at(uuid);
    return entry.present || entry.allotted == id;
}

/// The platform has given the id of a VM that is gone to another one.
void IdBook::giveUpClaim(const proto::Uuid& uuid) {
    Entry& entry = entries_.at(uuid);
    entry.id = entry.allotted;
    entry.fromPlatform = false;
    if (entry.id == 0) forget(uuid);
}

void IdBook::release(const proto::Uuid& uuid) {
    const auto found = entries_.find(uuid);
    if (found == entries_.end() || !found->second.present) return;
    found->second.present = false;
    found->second.departed = departed_.insert(departed_.end(), uuid);
    if (departed_.size() > mostDeparted) forget(proto::Uuid(departed_.front()));
}

void IdBook::forget(const proto::Uuid& uuid) {
    const auto found = entries_.find(uuid);
    departed_.erase(*found->second.departed);
    disown(uuid, found->second.id);
    disown(uuid, found->second.allotted);
    entries_.erase(found);
}

std::vector<SavedVm> IdBook::saved() const {
    std::vector<SavedVm> all;
    all.reserve(entries_.size());
    for (const auto& [uuid, entry] : entries_) {
        SavedVm vm;
        vm.uuid = uuid;
        vm.id = entry.id;
        vm.fromPlatform = entry.fromPlatform;
        all.push_back(std::move(vm));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return all;
}

bool IdBook::had(const proto::Uuid& uuid, proto::VmId id) const {
    const auto owner = owners_.find(id);
    return owner != owners_.end() && owner->second == uuid;
}

}  // namespace rollo::core
