// SPDX-License-Identifier: Apache-2.0
#include "agent/core/operations.hpp"

#include <algorithm>
#include <utility>

namespace rollo::core {

void Operations::take(const JobsSeen&, const common::Now&) {}

void Operations::take(const JobEnded&, const common::Now&) {}

void Operations::report(proto::Progress progress, const common::Now& now) {
    const auto known = state_.operations.find(progress.operationId);
    progress.begins = known == state_.operations.end();
    if (!progress.begins) progress.percent = std::max(progress.percent, known->second.percent);
    if (proto::isEnd(progress.status))
        state_.operations.erase(progress.operationId);
    else
        state_.operations[progress.operationId] = progress;
    hub_.publish(progress, now);
}

}  // namespace rollo::core
