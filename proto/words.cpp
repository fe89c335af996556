// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "proto/events.hpp"
#include "proto/messages.hpp"

namespace rollo::proto {
namespace {

template <class Enum, std::size_t size>
std::string_view at(const std::array<std::string_view, size>& words, Enum value) {
    return words[static_cast<std::size_t>(value)];
}

constexpr std::array<std::string_view, eventKinds> eventNames = {"vm_status_changed",
                                                                 "vm_created",
                                                                 "vm_updated",
                                                                 "vm_deleted",
                                                                 "vm_metrics_update",
                                                                 "server_status_changed",
                                                                 "server_registered",
                                                                 "server_removed",
                                                                 "server_metrics_update",
                                                                 "alert",
                                                                 "progress"};

}  // namespace

std::string_view word(VmStatus status) {
    static constexpr std::array<std::string_view, 8> words = {"running",      "stopped",  "paused",
                                                              "suspended",    "stopping", "crashed",
                                                              "unresponsive", "unknown"};
    return at(words, status);
}

std::string_view word(ServerStatus status) {
    static constexpr std::array<std::string_view, 4> words = {"online", "degraded", "offline",
                                                              "maintenance"};
    return at(words, status);
}

std::string_view word(ErrorCode code) {
    static constexpr std::array<std::string_view, 12> words = {
        "invalid_json",  "invalid_message",       "unknown_type",    "too_many_rules",
        "invalid_token", "identity_mismatch",     "resume_too_late", "permission_denied",
        "console_busy",  "console_not_connected", "unsupported",     "rate_limited"};
    return at(words, code);
}

std::string_view word(SnapshotReason reason) {
    static constexpr std::array<std::string_view, 3> words = {"subscribed", "gap", "resync"};
    return at(words, reason);
}

std::string_view word(ConsoleState state) {
    static constexpr std::array<std::string_view, 6> words = {
        "connected", "waiting_for_vm", "in_use", "suspended", "preempted", "closed"};
    return at(words, state);
}

std::string_view word(Severity severity) {
    static constexpr std::array<std::string_view, 4> words = {"info", "warning", "error",
                                                              "critical"};
    return at(words, severity);
}

std::string_view word(ProgressStatus status) {
    static constexpr std::array<std::string_view, 5> words = {"pending", "in_progress", "completed",
                                                              "failed", "cancelled"};
    return at(words, status);
}

std::string_view wireName(EventKind kind) {
    return at(eventNames, kind);
}

std::optional<EventKind> eventKind(std::string_view wireName) {
    const auto found = std::find(eventNames.begin(), eventNames.end(), wireName);
    if (found == eventNames.end()) return std::nullopt;
    return static_cast<EventKind>(found - eventNames.begin());
}

}  // namespace rollo::proto
