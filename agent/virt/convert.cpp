// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/convert.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <span>

namespace rollo::virt {

namespace {

using Words = std::span<const std::string_view>;
constexpr std::string_view unknown = "unknown";

std::string_view at(Words words, int index) {
    if (index < 0 || static_cast<std::size_t>(index) >= words.size()) return unknown;
    return words[static_cast<std::size_t>(index)];
}

// Each list follows the order of libvirt's enumeration of the same name (libvirt-domain.h).

constexpr std::string_view defined[] = {"added", "updated", "renamed", "from_snapshot"};
constexpr std::string_view undefined[] = {"removed", "renamed"};
constexpr std::string_view started[] = {"booted", "migrated", "restored", "from_snapshot",
                                        "wakeup"};
constexpr std::string_view suspended[] = {"user",      "migrated", "io_error",
                                          "watchdog",  "restored", "from_snapshot",
                                          "api_error", "postcopy", "postcopy_failed"};
constexpr std::string_view resumed[] = {"user", "migrated", "from_snapshot", "postcopy",
                                        "postcopy_failed"};
constexpr std::string_view stopped[] = {"shutdown", "destroyed", "crashed",      "migrated",
                                        "saved",    "failed",    "from_snapshot"};
// By itself (or its guest), or because the host ended it.
constexpr std::string_view shutdown[] = {"shutdown", "shutdown", "destroyed"};
constexpr std::string_view pmSuspended[] = {"memory", "disk"};
constexpr std::string_view crashed[] = {"panicked", "crashloaded"};

constexpr std::string_view stateRunning[] = {unknown,
                                             "booted",
                                             "migrated",
                                             "restored",
                                             "from_snapshot",
                                             "user",
                                             "migration_cancelled",
                                             "save_cancelled",
                                             "wakeup",
                                             "crashed",
                                             "postcopy",
                                             "postcopy_failed"};
constexpr std::string_view statePaused[] = {
    unknown,    "user",     "migrated",      "saving",         "dump",
    "io_error", "watchdog", "from_snapshot", "shutting_down",  "snapshot",
    "crashed",  "starting", "postcopy",      "postcopy_failed"};
constexpr std::string_view stateShutdown[] = {unknown, "user"};
constexpr std::string_view stateShutoff[] = {unknown,   "shutdown",      "destroyed",
                                             "crashed", "migrated",      "saved",
                                             "failed",  "from_snapshot", "daemon"};
constexpr std::string_view stateCrashed[] = {unknown, "panicked"};

constexpr Words eventWords[] = {defined, undefined, started,     suspended, resumed,
                                stopped, shutdown,  pmSuspended, crashed};

}  // namespace

std::optional<core::Lifecycle> lifecycleOf(int event) {
    using core::Lifecycle;
    static constexpr Lifecycle kinds[] = {
        Lifecycle::defined,   Lifecycle::undefined,   Lifecycle::started,
        Lifecycle::suspended, Lifecycle::resumed,     Lifecycle::stopped,
        Lifecycle::shutdown,  Lifecycle::pmSuspended, Lifecycle::crashed};
    static_assert(std::size(kinds) == VIR_DOMAIN_EVENT_CRASHED + 1);
    if (event < 0 || event > VIR_DOMAIN_EVENT_CRASHED) return std::nullopt;
    return kinds[event];
}

std::string_view lifecycleReason(int event, int detail) {
    if (event < 0 || event > VIR_DOMAIN_EVENT_CRASHED) return unknown;
    return at(eventWords[event], detail);
}

proto::VmStatus statusOf(int domainState) {
    using proto::VmStatus;
    switch (domainState) {
        case VIR_DOMAIN_RUNNING:
        case VIR_DOMAIN_BLOCKED:
            return VmStatus::running;
        case VIR_DOMAIN_PAUSED:
            return VmStatus::paused;
        case VIR_DOMAIN_SHUTDOWN:
            return VmStatus::stopping;
        case VIR_DOMAIN_SHUTOFF:
            return VmStatus::stopped;
        case VIR_DOMAIN_CRASHED:
            return VmStatus::crashed;
        case VIR_DOMAIN_PMSUSPENDED:
            return VmStatus::suspended;
        default:
            return VmStatus::unknown;
    }
}

std::string_view stateReason(int domainState, int reason) {
    switch (domainState) {
        case VIR_DOMAIN_RUNNING:
            return at(stateRunning, reason);
        case VIR_DOMAIN_PAUSED:
            return at(statePaused, reason);
        case VIR_DOMAIN_SHUTDOWN:
            return at(stateShutdown, reason);
        case VIR_DOMAIN_SHUTOFF:
            return at(stateShutoff, reason);
        case VIR_DOMAIN_CRASHED:
            return at(stateCrashed, reason);
        default:
            return unknown;
    }
}

std::string_view closeReason(int reason) {
    static constexpr std::string_view words[] = {"error", "eof", "keepalive", "client"};
    return at(words, reason);
}

std::string_view watchdogAction(int action) {
    static constexpr std::string_view words[] = {"none",     "pause", "reset",     "poweroff",
                                                 "shutdown", "debug", "inject_nmi"};
    return at(words, action);
}

std::string_view ioErrorAction(int action) {
    static constexpr std::string_view words[] = {"none", "pause", "report"};
    return at(words, action);
}

std::string_view memoryFailureRecipient(int recipient) {
    static constexpr std::string_view words[] = {"hypervisor", "guest"};
    return at(words, recipient);
}

std::string_view memoryFailureAction(int action) {
    static constexpr std::string_view words[] = {"ignore", "inject", "fatal", "reset"};
    return at(words, action);
}

std::string_view vcpuState(int state) {
    static constexpr std::string_view words[] = {"offline", "running", "blocked"};
    return at(words, state);
}

std::string versionText(unsigned long version) {
    return fmt::format("{}.{}.{}", version / 1'000'000, version / 1000 % 1000, version % 1000);
}

proto::Uuid uuidOf(virDomainPtr domain) {
    proto::Uuid uuid;
    static_assert(std::tuple_size_v<decltype(uuid.bytes)> == VIR_UUID_BUFLEN);
    virDomainGetUUID(domain, uuid.bytes.data());
    return uuid;
}

core::DomainRef refOf(virDomainPtr domain) {
    const char* name = virDomainGetName(domain);
    // An inactive domain has no id, which libvirt tells as UINT_MAX.
    return {uuidOf(domain), name ? name : "", static_cast<int>(virDomainGetID(domain))};
}

}  // namespace rollo::virt
