// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alerts.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "agent/core/alert_rule.hpp"

namespace rollo::core {
namespace {

/// Of figures that nobody is told of.
constexpr std::chrono::minutes betweenSaves{5};

/// What the agent's own ids begin with, beside the words of the rules.
constexpr std::array<std::string_view, 2> ownWords = {conflictAlert, unsavedAlert};

std::string_view wordOf(std::string_view id) {
    return id.substr(0, id.find(':'));
}

bool isOwn(std::string_view id) {
    const auto word = wordOf(id);
    return alertSource(word) || std::find(ownWords.begin(), ownWords.end(), word) != ownWords.end();
}

/// Nothing but the next attempt to write tells whether this one still holds.
bool outlivesAgent(std::string_view id) {
    return id != unsavedAlert;
}

}  // namespace

// --- from one run to the next --------------------------------------------------------------------

void Alerts::restore(const std::vector<proto::Alert>& saved) {
    for (const auto& alert : saved) {
        if (!outlivesAgent(alert.id) || !state_.alerts.try_emplace(alert.id, alert).second)
            continue;
        if (!isOwn(alert.id)) ++published_;
    }
    if (state_.server.id) setServerId(*state_.server.id);
}

std::vector<proto::Alert> Alerts::saved() const {
    std::vector<proto::Alert> saved;
    for (const auto& [id, alert] : state_.alerts)
        if (outlivesAgent(id)) saved.push_back(alert);
    return saved;
}

bool Alerts::takeUnsaved(const common::Now& now) {
    if (!told_ && !(kept_ && now.mono - savedAt_ >= betweenSaves)) return false;
    told_ = kept_ = false;
    savedAt_ = now.mono;
    return true;
}

// --- firing --------------------------------------------------------------------------------------

const proto::Alert* Alerts::find(const std::string& id) const {
    const auto found = state_.alerts.find(id);
    return found == state_.alerts.end() ? nullptr : &found->second;
}

void Alerts::raise(proto::Alert alert, const common::Now& now) {
    const proto::Alert* before = find(alert.id);
    alert.serverId = state_.server.id;
    alert.firing = true;
    alert.firstSeen = before ? before->firstSeen : now.wall;
    alert.lastSeen = now.wall;
    alert.count = before ? before->count + 1 : 1;
    tell(alert, now);
    std::string id = alert.id;
    state_.alerts.insert_or_assign(std::move(id), std::move(alert));
}

void Alerts::keep(const std::string& id, proto::Figure value, const common::Now& now) {
    const auto found = state_.alerts.find(id);
    if (found == state_.alerts.end()) return;
    proto::Alert& alert = found->second;
    alert.value = value;
    alert.lastSeen = now.wall;
    ++alert.count;
    kept_ = true;
}

void Alerts::resolve(const std::string& id, const common::Now& now, proto::Figure value) {
    const auto found = state_.alerts.find(id);
    if (found == state_.alerts.end()) return;
    if (value) found->second.value = value;
    end(found, now);
}

void Alerts::end(Firing::iterator firing, const common::Now& now) {
    proto::Alert alert = std::move(firing->second);
    if (!isOwn(firing->first)) --published_;
    state_.alerts.erase(firing);
    alert.firing = false;
    alert.lastSeen = now.wall;
    // A client that knows nothing of `state` shows the title.
    alert.title.insert(0, "Resolved: ");
    tell(alert, now);
}

void Alerts::tell(const proto::Alert& alert, const common::Now& now) {
    if (outlivesAgent(alert.id)) told_ = true;
    hub_.publish(alert, now);
}

// --- what other programs publish -----------------------------------------------------------------

std::expected<void, AlertRefusal> Alerts::report(AlertReport report, const common::Now& now) {
    proto::Alert& alert = report.alert;
    if (isOwn(alert.id)) return std::unexpected(AlertRefusal::ownId);
    const auto found = state_.alerts.find(alert.id);
    const bool known = found != state_.alerts.end();
    if (!known && alert.firing && published_ >= largestPublished)
        return std::unexpected(AlertRefusal::tooMany);
    alert.serverId = state_.server.id;
    const std::int64_t counted = known ? found->second.count + (alert.firing ? 1 : 0) : 1;
    alert.firstSeen = report.firstSeen.value_or(known ? found->second.firstSeen : now.wall);
    alert.lastSeen = report.lastSeen.value_or(now.wall);
    alert.count = report.count.value_or(counted);
    tell(alert, now);
    if (known) {
        state_.alerts.erase(found);
        --published_;
    }
    if (!alert.firing) return {};
    ++published_;
    std::string id = alert.id;
    state_.alerts.emplace(std::move(id), std::move(alert));
    return {};
}

// --- whom they are about -------------------------------------------------------------------------

void Alerts::follow(const proto::VmIdentity& vm) {
    for (auto& [id, alert] : state_.alerts)
        if (alert.vm && alert.vm->uuid == vm.uuid) alert.vm = vm;
}

void Alerts::resolveAllOf(const proto::Uuid& vm, const common::Now& now) {
    resolveGone([&](const proto::Uuid& each) { return each != vm; }, now);
}

void Alerts::resolveGone(const std::function<bool(const proto::Uuid&)>& isThere,
                         const common::Now& now) {
    for (auto each = state_.alerts.begin(); each != state_.alerts.end();) {
        const auto alert = each++;
        if (alert->second.vm && !isThere(alert->second.vm->uuid)) end(alert, now);
    }
}

void Alerts::setServerId(proto::ServerId id) {
    for (auto& [name, alert] : state_.alerts) alert.serverId = id;
}

}  // namespace rollo::core
