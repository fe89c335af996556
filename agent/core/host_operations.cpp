// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "agent/core/host.hpp"

namespace rollo::core {
namespace {

bool isOwn(const SavedOperation& saved) {
    return saved.id.starts_with(Operations::ownIds);
}

/// One of libvirt's jobs that the agent cannot look for any more.
proto::Progress lost(const SavedOperation& saved, const proto::VmIdentity& vm) {
    proto::Progress progress;
    progress.operationId = saved.id;
    progress.operationType = saved.type;
    progress.percent = saved.percent;
    progress.status = proto::ProgressStatus::failed;
    progress.error = "the guest is gone, and the agent was not running when that happened";
    progress.message = *progress.error;
    progress.vm = vm;
    return progress;
}

}  // namespace

void Host::on(JobsSeen observation, const common::Now& now) {
    const Hub::Batch batch(hub_);
    jobs_.take(observation, now);
}

void Host::on(JobEnded observation, const common::Now& now) {
    jobs_.take(observation, now);
}

std::vector<Host::FormerOperation> Host::formerOperations(const SavedState& saved) {
    std::vector<FormerOperation> all;
    for (const auto& operation : saved.operations) {
        FormerOperation former{operation, std::nullopt};
        const auto vm = std::ranges::find(saved.vms, operation.vm, &SavedVm::uuid);
        if (vm != saved.vms.end())
            former.vm = proto::VmIdentity{vm->id, vm->uuid, vm->name, vm->fromPlatform};
        all.push_back(std::move(former));
    }
    return all;
}

/// Not before the VMs are known: who may hear of an operation goes by what its VM is called now.
void Host::takeUpOperations(const common::Now& now) {
    for (const auto& [saved, known] : std::exchange(formerOperations_, {})) {
        const Vm* vm = saved.vm ? state_.find(*saved.vm) : nullptr;
        if (!isOwn(saved))
            operations_.resume(saved, vm ? &vm->info.identity : known ? &*known : nullptr, now);
        else if (vm)
            jobs_.resume(saved, now);
        else if (known)
            operations_.tell(lost(saved, *known), now);
    }
}

std::vector<SavedOperation> Host::savedOperations() const {
    std::vector<SavedOperation> all = jobs_.saved();
    std::ranges::move(operations_.saved(), std::back_inserter(all));
    for (const auto& former : formerOperations_) all.push_back(former.saved);
    return all;
}

}  // namespace rollo::core
