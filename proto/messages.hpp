// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/events.hpp"
#include "proto/ids.hpp"

/// The messages of PROTOCOL.md that are no events: what clients say, and what they are answered.
namespace rollo::proto {

// --- client to agent -------------------------------------------------------------------------

struct ResumePoint {
    std::string epoch;
    Seq seq = 0;
};

/// Absent means *all*; present and empty means *none*.
struct Filter {
    std::optional<std::vector<std::string>> events;
    std::optional<std::vector<VmId>> vmIds;
    std::optional<std::vector<ServerId>> serverIds;
};

struct Subscribe {
    Filter filter;
    std::optional<std::string> id;
    bool snapshot = true;
    std::optional<ResumePoint> resume;
};
struct Unsubscribe {
    Filter filter;
    std::optional<std::string> id;
};
struct Ping {};
struct Authenticate {
    std::string token;
};
/// A console message sent to an endpoint that has no console.
struct ConsoleMessage {
    std::string_view type;
};

using ClientMessage = std::variant<Subscribe, Unsubscribe, Ping, Authenticate, ConsoleMessage>;
/// The `type` of a message, in its wire form.
std::string_view wireName(const ClientMessage& message);

// --- agent to client -------------------------------------------------------------------------

enum class ErrorCode {
    invalidJson,
    invalidMessage,
    unknownType,
    tooManyRules,
    invalidToken,
    identityMismatch,
    resumeTooLate,
    permissionDenied,
    consoleBusy,
    unsupported,
    rateLimited
};
std::string_view word(ErrorCode code);

/// Fixed texts only: what a client sent is never echoed.
struct Error {
    ErrorCode code;
    std::string message;
    std::string_view requestType;  ///< empty where the request's type was not understood
    std::string field;             ///< a path of schema names and indexes; empty where none applies
};

struct Limits {
    std::int64_t maxMessageBytes = 0;
    std::int64_t maxRules = 0;
};

struct ConnectionStatus {
    std::string connectionId;
    std::string epoch;
    Seq seq = 0;
    std::optional<ServerId> serverId;
    std::optional<Uuid> serverUuid;
    std::string hostname;
    std::string agentVersion;
    std::optional<std::string> user;
    std::string role;
    std::vector<std::string_view> permissions;
    std::int64_t heartbeatSeconds = 0;
    Limits limits;
};

struct RuleInForce {
    std::optional<std::string> id;
    bool include = true;
    Filter filter;
};
struct SubscriptionConfirmed {
    std::optional<std::string> id;
    std::vector<RuleInForce> rules;
    std::vector<std::string> refused;
    std::vector<VmId> pendingVms;
    std::vector<ServerId> pendingServers;
};

enum class SnapshotReason { subscribed, gap, resync };
std::string_view word(SnapshotReason reason);

struct VmState {
    const VmInfo* info;
    const VmMetrics* metrics;  ///< null where nothing has been measured yet
};
/// The state as of `seq`. Points into the state it was taken from: encode it before that changes.
struct Snapshot {
    std::string epoch;
    Seq seq = 0;
    SnapshotReason reason = SnapshotReason::subscribed;
    const ServerInfo* server = nullptr;            ///< null where it may not be seen
    const ServerMetrics* serverMetrics = nullptr;  ///< null where it may not be seen, or is unknown
    std::vector<VmState> vms;
    std::vector<const Alert*> alerts;
};

struct Resumed {
    std::string epoch;
    Seq fromSeq = 0;
    Seq toSeq = 0;
    std::size_t count = 0;
};
struct Pong {
    Seq seq = 0;
};
struct TokenExpiring {
    common::WallClock expiresAt;
};
struct Lag {
    std::uint64_t droppedMetrics = 0;
    std::uint64_t conflated = 0;
    std::uint64_t queueBytes = 0;
};
struct Goodbye {
    std::string_view reason;
    std::int64_t retryAfterMs = 0;
};

using AgentMessage = std::variant<ConnectionStatus, SubscriptionConfirmed, Resumed, Pong, Error,
                                  TokenExpiring, Lag, Goodbye>;

}  // namespace rollo::proto
