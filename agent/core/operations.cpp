// SPDX-License-Identifier: Apache-2.0
#include "agent/core/operations.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace rollo::core {
namespace {

using proto::Progress;
using proto::ProgressStatus;

/// What counts as success to a client that looks at the percentage alone is kept for success.
constexpr double mostBeforeSuccess = 99;

/// Also where the figure is none (NaN).
double percentOf(const Progress& progress, double before) {
    if (progress.status == ProgressStatus::completed) return 100;
    return std::min(std::max(before, progress.percent), mostBeforeSuccess);
}

}  // namespace

std::expected<void, Operations::Refusal> Operations::report(Progress progress,
                                                            const common::Now& now) {
    const std::string& id = progress.operationId;
    if (id.starts_with(ownIds)) return std::unexpected(Refusal::reservedId);
    if (proto::isEnd(progress.status)) {
        heard_.erase(id);
    } else {
        if (!heard_.contains(id) && heard_.size() >= mostPublished)
            return std::unexpected(Refusal::tooMany);
        heard_[id] = now.mono;
    }
    tell(std::move(progress), now);
    return {};
}

void Operations::tell(Progress progress, const common::Now& now) {
    const auto known = state_.operations.find(progress.operationId);
    progress.begins = known == state_.operations.end();
    if (!progress.begins && !progress.vm) progress.vm = known->second.vm;
    progress.percent = percentOf(progress, progress.begins ? 0 : known->second.percent);
    if (proto::isEnd(progress.status))
        state_.operations.erase(progress.operationId);
    else
        state_.operations[progress.operationId] = progress;
    hub_.publish(progress, now);
}

void Operations::follow(const proto::VmIdentity& vm, const common::Now& now) {
    for (auto& [id, operation] : state_.operations) {
        if (!operation.vm || operation.vm->uuid != vm.uuid || *operation.vm == vm) continue;
        operation.vm = vm;
        operation.begins = false;
        hub_.publish(operation, now);
    }
}

void Operations::tick(const common::Now& now) {
    std::vector<std::string> silent;
    for (const auto& [id, heardAt] : heard_)
        if (now.mono - heardAt >= longestSilence) silent.push_back(id);
    for (const auto& id : silent) {
        heard_.erase(id);
        Progress last = state_.operations.at(id);
        last.status = ProgressStatus::failed;
        last.error = fmt::format("nothing was heard of it for {} minutes", longestSilence.count());
        last.message = *last.error;
        tell(std::move(last), now);
    }
}

}  // namespace rollo::core
