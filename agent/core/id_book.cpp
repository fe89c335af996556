// SPDX-License-Identifier: Apache-2.0
#include "agent/core/id_book.hpp"

#include <algorithm>

namespace rollo::core {
namespace {

/// How many VMs that are gone keep their id: a transient guest that comes back gets its own again.
constexpr std::size_t mostDeparted = 10000;

}  // namespace

IdBook::IdBook(const SavedState& saved, proto::VmId firstId)
    : nextId_(std::max(saved.nextId, firstId)) {
    for (const auto& vm : saved.vms) {
        if (owners_.contains(vm.id)) continue;
        Entry entry;
        entry.id = vm.id;
        entry.fromPlatform = vm.fromPlatform;
        if (!vm.fromPlatform) entry.allotted = vm.id;
        entries_[vm.uuid] = entry;
        departed_.push_back(vm.uuid);
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
    Given given;
    if (platformId) {
        const auto owner = owners_.find(*platformId);
        const bool taken = owner != owners_.end() && owner->second != uuid &&
                           (entries_[owner->second].present ||
                            !entries_[owner->second].fromPlatform);
        if (taken)
            given.conflictWith = owner->second;
        else
            given.fromPlatform = true;
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

void IdBook::release(const proto::Uuid& uuid) {
    const auto found = entries_.find(uuid);
    if (found == entries_.end() || !found->second.present) return;
    found->second.present = false;
    departed_.push_back(uuid);
    if (departed_.size() <= mostDeparted) return;
    forget(departed_.front());
    departed_.pop_front();
}

void IdBook::forget(const proto::Uuid& uuid) {
    const auto found = entries_.find(uuid);
    if (found == entries_.end() || found->second.present) return;
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
