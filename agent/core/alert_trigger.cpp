// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alert_trigger.hpp"

#include <algorithm>

namespace rollo::core {

const AlertLevel* levelOf(const AlertRule& rule, proto::Severity severity) {
    for (const auto& level : rule.levels)
        if (level.severity == severity) return &level;
    return nullptr;
}

void AlertTrigger::restore(proto::Severity severity) {
    reset();
    firing_ = severity;
    active_ = true;
}

void AlertTrigger::see(double figure, const AlertRule& rule, common::Monotonic now) {
    const auto& levels = rule.levels;
    if (levels.empty()) return reset();
    if (!active_ && figure < levels.front().raise) return;
    passUnknown(now);
    int current = present(rule);
    become(current, rule);
    if (firing_ && figure < levels.front().clear) return reset();
    const auto lasted = [&](int level) {
        const Since& since = sinceOf(levels[static_cast<std::size_t>(level)]);
        return since && now - *since >= rule.lasts;
    };
    const int count = static_cast<int>(levels.size());
    for (int i = 0; i < count; ++i) {
        const AlertLevel& level = levels[static_cast<std::size_t>(i)];
        const bool counts = i <= current ? figure < level.clear : figure >= level.raise;
        Since& since = sinceOf(level);
        since = counts ? Since(since.value_or(now)) : std::nullopt;
    }
    int next = current;
    for (int i = current + 1; i < count; ++i)
        if (lasted(i)) next = i;
    if (next == current)
        while (next > 0 && lasted(next)) --next;
    become(next, rule);
    active_ = firing_ || std::any_of(since_.begin(), since_.end(), [](auto& s) { return !!s; });
}

void AlertTrigger::seeNothing(common::Monotonic now) {
    if (active_ && !unknownSince_) unknownSince_ = now;
}

void AlertTrigger::adapt(const AlertRule& from, const AlertRule& to) {
    for (std::size_t i = 0; i < since_.size(); ++i) {
        const auto severity = static_cast<proto::Severity>(i);
        const AlertLevel* before = levelOf(from, severity);
        const AlertLevel* after = levelOf(to, severity);
        const bool below = firing_ && severity <= *firing_;
        const bool goesOn = before && after &&
                            (below ? after->clear >= before->clear : after->raise <= before->raise);
        if (!goesOn) since_[i].reset();
    }
}

void AlertTrigger::passUnknown(common::Monotonic now) {
    if (!unknownSince_) return;
    const auto passed = now - *unknownSince_;
    for (auto& since : since_)
        if (since) *since += passed;
    unknownSince_.reset();
}

/// The index of the firing level; where the rule has it no more, of the next smaller one, or else
/// of the least. -1: it does not fire.
int AlertTrigger::present(const AlertRule& rule) const {
    if (!firing_) return -1;
    int found = -1;
    for (const auto& level : rule.levels)
        if (level.severity <= *firing_) ++found;
    return std::max(found, 0);
}

/// What was counted for the levels in between meant the way there.
void AlertTrigger::become(int level, const AlertRule& rule) {
    std::optional<proto::Severity> next;
    if (level >= 0) next = rule.levels[static_cast<std::size_t>(level)].severity;
    for (std::size_t i = 0; i < since_.size(); ++i) {
        const auto severity = static_cast<proto::Severity>(i);
        const bool wasBelow = firing_ && severity <= *firing_;
        const bool isBelow = next && severity <= *next;
        if (wasBelow != isBelow) since_[i].reset();
    }
    firing_ = next;
}

}  // namespace rollo::core
