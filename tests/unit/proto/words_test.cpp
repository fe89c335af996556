// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <set>

#include "proto/events.hpp"
#include "proto/messages.hpp"

using namespace rollo::proto;

TEST_CASE("every kind of event has a name of its own, by which it is found again") {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < eventKinds; ++i) {
        const auto kind = static_cast<EventKind>(i);
        names.insert(wireName(kind));
        CHECK(eventKind(wireName(kind)) == kind);
    }
    CHECK(names.size() == eventKinds);
}

TEST_CASE("what is no event has no kind") {
    for (const auto* name : {"", "*", "vm", "vm_created ", "VM_CREATED", "snapshot", "pong"})
        CHECK_FALSE(eventKind(name));
}

TEST_CASE("an event's kind is that of its struct") {
    CHECK(kindOf(VmStatusChanged{}) == EventKind::vmStatusChanged);
    CHECK(kindOf(VmCreated{}) == EventKind::vmCreated);
    CHECK(kindOf(VmUpdated{}) == EventKind::vmUpdated);
    CHECK(kindOf(VmDeleted{}) == EventKind::vmDeleted);
    CHECK(kindOf(VmMetricsUpdate{}) == EventKind::vmMetricsUpdate);
    CHECK(kindOf(ServerStatusChanged{}) == EventKind::serverStatusChanged);
    CHECK(kindOf(ServerRegistered{}) == EventKind::serverRegistered);
    CHECK(kindOf(ServerRemoved{}) == EventKind::serverRemoved);
    CHECK(kindOf(ServerMetricsUpdate{}) == EventKind::serverMetricsUpdate);
    CHECK(kindOf(Alert{}) == EventKind::alert);
    CHECK(kindOf(Progress{}) == EventKind::progress);
}

TEST_CASE("metrics and what lies between an operation's ends are conflatable") {
    CHECK(conflatable(VmMetricsUpdate{}));
    CHECK(conflatable(ServerMetricsUpdate{}));
    CHECK_FALSE(conflatable(VmStatusChanged{}));
    CHECK_FALSE(conflatable(Alert{}));
    Progress progress;
    for (const auto between : {ProgressStatus::pending, ProgressStatus::inProgress}) {
        progress.status = between;
        CHECK(conflatable(progress));
    }
    for (const auto end :
         {ProgressStatus::completed, ProgressStatus::failed, ProgressStatus::cancelled}) {
        progress.status = end;
        CHECK_FALSE(conflatable(progress));
    }
    progress.status = ProgressStatus::inProgress;
    progress.begins = true;
    CHECK_FALSE(conflatable(progress));
}

TEST_CASE("status words are those of the protocol") {
    CHECK(word(VmStatus::running) == "running");
    CHECK(word(VmStatus::stopped) == "stopped");
    CHECK(word(VmStatus::paused) == "paused");
    CHECK(word(VmStatus::suspended) == "suspended");
    CHECK(word(VmStatus::stopping) == "stopping");
    CHECK(word(VmStatus::crashed) == "crashed");
    CHECK(word(VmStatus::unresponsive) == "unresponsive");
    CHECK(word(VmStatus::unknown) == "unknown");
    CHECK(word(ServerStatus::online) == "online");
    CHECK(word(ServerStatus::degraded) == "degraded");
    CHECK(word(ServerStatus::offline) == "offline");
    CHECK(word(ServerStatus::maintenance) == "maintenance");
    CHECK(word(Severity::info) == "info");
    CHECK(word(Severity::critical) == "critical");
    CHECK(word(ProgressStatus::pending) == "pending");
    CHECK(word(ProgressStatus::inProgress) == "in_progress");
    CHECK(word(ProgressStatus::completed) == "completed");
    CHECK(word(ProgressStatus::failed) == "failed");
    CHECK(word(ProgressStatus::cancelled) == "cancelled");
    CHECK(word(SnapshotReason::subscribed) == "subscribed");
    CHECK(word(SnapshotReason::gap) == "gap");
    CHECK(word(SnapshotReason::resync) == "resync");
}

TEST_CASE("states of consoles are those of the protocol") {
    CHECK(word(ConsoleState::connected) == "connected");
    CHECK(word(ConsoleState::waitingForVm) == "waiting_for_vm");
    CHECK(word(ConsoleState::inUse) == "in_use");
    CHECK(word(ConsoleState::suspended) == "suspended");
    CHECK(word(ConsoleState::preempted) == "preempted");
    CHECK(word(ConsoleState::closed) == "closed");
}

TEST_CASE("error codes are those of the protocol") {
    CHECK(word(ErrorCode::invalidJson) == "invalid_json");
    CHECK(word(ErrorCode::invalidMessage) == "invalid_message");
    CHECK(word(ErrorCode::unknownType) == "unknown_type");
    CHECK(word(ErrorCode::tooManyRules) == "too_many_rules");
    CHECK(word(ErrorCode::invalidToken) == "invalid_token");
    CHECK(word(ErrorCode::identityMismatch) == "identity_mismatch");
    CHECK(word(ErrorCode::resumeTooLate) == "resume_too_late");
    CHECK(word(ErrorCode::permissionDenied) == "permission_denied");
    CHECK(word(ErrorCode::consoleBusy) == "console_busy");
    CHECK(word(ErrorCode::consoleNotConnected) == "console_not_connected");
    CHECK(word(ErrorCode::unsupported) == "unsupported");
    CHECK(word(ErrorCode::rateLimited) == "rate_limited");
}
