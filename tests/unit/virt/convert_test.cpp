// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/convert.hpp"

#include <doctest/doctest.h>

using namespace rollo;
using namespace rollo::virt;
using core::Lifecycle;
using proto::VmStatus;

TEST_CASE("lifecycle events and their details become the protocol's words") {
    CHECK(lifecycleOf(VIR_DOMAIN_EVENT_DEFINED) == Lifecycle::defined);
    CHECK(lifecycleOf(VIR_DOMAIN_EVENT_UNDEFINED) == Lifecycle::undefined);
    CHECK(lifecycleOf(VIR_DOMAIN_EVENT_STARTED) == Lifecycle::started);
    CHECK(lifecycleOf(VIR_DOMAIN_EVENT_SUSPENDED) == Lifecycle::suspended);
    CHECK(lifecycleOf(VIR_DOMAIN_EVENT_RESUMED) == Lifecycle::resumed);
    CHECK(lifecycleOf(VIR_DOMAIN_EVENT_STOPPED) == Lifecycle::stopped);
    CHECK(lifecycleOf(VIR_DOMAIN_EVENT_SHUTDOWN) == Lifecycle::shutdown);
    CHECK(lifecycleOf(VIR_DOMAIN_EVENT_PMSUSPENDED) == Lifecycle::pmSuspended);
    CHECK(lifecycleOf(VIR_DOMAIN_EVENT_CRASHED) == Lifecycle::crashed);

    struct Case {
        int event, detail;
        std::string_view word;
    };
    const Case cases[] = {
        {VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_RENAMED, "renamed"},
        {VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_RENAMED, "renamed"},
        {VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED, "booted"},
        {VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_RESTORED, "restored"},
        {VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_WAKEUP, "wakeup"},
        {VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED, "user"},
        {VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR, "io_error"},
        {VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG, "watchdog"},
        {VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT, "from_snapshot"},
        {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, "shutdown"},
        {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED, "destroyed"},
        {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_CRASHED, "crashed"},
        {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_MIGRATED, "migrated"},
        {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_SAVED, "saved"},
        {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_FAILED, "failed"},
        {VIR_DOMAIN_EVENT_SHUTDOWN, VIR_DOMAIN_EVENT_SHUTDOWN_GUEST, "shutdown"},
        {VIR_DOMAIN_EVENT_SHUTDOWN, VIR_DOMAIN_EVENT_SHUTDOWN_HOST, "destroyed"},
        {VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_PANICKED, "panicked"},
    };
    for (const auto& each : cases) CHECK(lifecycleReason(each.event, each.detail) == each.word);
}

TEST_CASE("numbers that these headers do not name are unknown, not an error") {
    CHECK_FALSE(lifecycleOf(-1));
    CHECK_FALSE(lifecycleOf(99));
    CHECK(lifecycleReason(99, 0) == "unknown");
    CHECK(lifecycleReason(VIR_DOMAIN_EVENT_STARTED, 99) == "unknown");
    CHECK(lifecycleReason(VIR_DOMAIN_EVENT_STARTED, -1) == "unknown");
    CHECK(stateReason(VIR_DOMAIN_RUNNING, 99) == "unknown");
    CHECK(stateReason(99, 1) == "unknown");
    CHECK(statusOf(99) == VmStatus::unknown);
    CHECK(closeReason(99) == "unknown");
    CHECK(vcpuState(-2) == "unknown");
}

TEST_CASE("states and their reasons become statuses and words") {
    CHECK(statusOf(VIR_DOMAIN_RUNNING) == VmStatus::running);
    CHECK(statusOf(VIR_DOMAIN_BLOCKED) == VmStatus::running);
    CHECK(statusOf(VIR_DOMAIN_PAUSED) == VmStatus::paused);
    CHECK(statusOf(VIR_DOMAIN_SHUTDOWN) == VmStatus::stopping);
    CHECK(statusOf(VIR_DOMAIN_SHUTOFF) == VmStatus::stopped);
    CHECK(statusOf(VIR_DOMAIN_CRASHED) == VmStatus::crashed);
    CHECK(statusOf(VIR_DOMAIN_PMSUSPENDED) == VmStatus::suspended);
    CHECK(statusOf(VIR_DOMAIN_NOSTATE) == VmStatus::unknown);

    CHECK(stateReason(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED) == "booted");
    CHECK(stateReason(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED) == "user");
    CHECK(stateReason(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY_FAILED) == "postcopy_failed");
    CHECK(stateReason(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER) == "user");
    CHECK(stateReason(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR) == "io_error");
    CHECK(stateReason(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED) == "postcopy_failed");
    CHECK(stateReason(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DESTROYED) == "destroyed");
    CHECK(stateReason(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DAEMON) == "daemon");
    CHECK(stateReason(VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED) == "panicked");
}

TEST_CASE("the reasons of a lost connection are words") {
    CHECK(closeReason(VIR_CONNECT_CLOSE_REASON_ERROR) == "error");
    CHECK(closeReason(VIR_CONNECT_CLOSE_REASON_EOF) == "eof");
    CHECK(closeReason(VIR_CONNECT_CLOSE_REASON_KEEPALIVE) == "keepalive");
    CHECK(closeReason(VIR_CONNECT_CLOSE_REASON_CLIENT) == "client");
}

TEST_CASE("libvirt's version numbers are readable") {
    CHECK(versionText(9'000'000) == "9.0.0");
    CHECK(versionText(7'002'022) == "7.2.22");
}
