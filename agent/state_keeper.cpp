// SPDX-License-Identifier: Apache-2.0
#include "agent/state_keeper.hpp"

#include <algorithm>
#include <utility>

#include "common/log.hpp"

namespace rollo::agent {

namespace {

namespace log = common::log;

/// A disk that takes longer is not waited for: events are late, which is worse than an id that may
/// change if the agent is killed at that very moment.
constexpr std::chrono::seconds longestWait{1};
constexpr std::chrono::seconds betweenAttempts{5};

}  // namespace

StateKeeper::StateKeeper(const std::string& folder, std::shared_ptr<common::TaskQueue> tasks)
    : store_(
          folder, [tasks = std::move(tasks)](auto task) { tasks->post(std::move(task)); },
          [this](const auto& error, proto::VmId nextId) { onSaved(error, nextId); }) {}

core::SavedState StateKeeper::load(const common::Now& now) {
    auto report = store_.load(now);
    for (const auto& warning : report.warnings) log::warning("{}", warning);
    nextId_ = nextIdDone_ = report.state.nextId;
    return std::move(report.state);
}

void StateKeeper::keep(core::Host& host, const common::Now& now) {
    const bool again = trouble_ && now.mono - savedAt_ >= betweenAttempts;
    if (host.takeUnsaved() || again) save(host, now);
    if (toldOfTrouble_ == trouble_.has_value()) return;
    toldOfTrouble_ = trouble_.has_value();
    host.tellOfSaving(!toldOfTrouble_, now);
}

void StateKeeper::save(const core::Host& host, const common::Now& now) {
    core::SavedState state = host.saved();
    if (nextIdDone_ == nextId_) idsSince_ = now.mono;
    nextId_ = state.nextId;
    savedAt_ = now.mono;
    store_.save(std::move(state));
}

void StateKeeper::onSaved(const std::optional<std::string>& error, proto::VmId nextId) {
    if (error && !trouble_) log::error("the state could not be saved: {}", *error);
    if (!error && trouble_) log::notice("the state can be saved again");
    trouble_ = error;
    nextIdDone_ = std::max(nextIdDone_, nextId);
}

bool StateKeeper::idsOnTheirWay(const common::Now& now) const {
    return nextIdDone_ < nextId_ && now.mono - idsSince_ < longestWait;
}

bool StateKeeper::finish(const core::Host& host, std::chrono::milliseconds limit) {
    store_.save(host.saved());
    return store_.finish(limit);
}

}  // namespace rollo::agent
