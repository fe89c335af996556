// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/events.hpp"
#include "proto/history.hpp"
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
    bool history = false;  ///< in its snapshot, and in those that come later by themselves
};
struct Unsubscribe {
    Filter filter;
    std::optional<std::string> id;
};
struct Ping {};
struct Authenticate {
    std::string token;
};
struct ConsoleInput {
    std::string text;
};
struct ConsoleResize {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
};
struct ConsoleAcquire {
    bool force = false;
};
struct ConsoleRelease {};
struct ConsoleAck {
    std::uint64_t offset = 0;
};
struct ConsoleBreak {};

using ClientMessage =
    std::variant<Subscribe, Unsubscribe, Ping, Authenticate, ConsoleInput, ConsoleResize,
                 ConsoleAcquire, ConsoleRelease, ConsoleAck, ConsoleBreak>;
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
    consoleNotConnected,
    unsupported,
    rateLimited
};
inline constexpr std::size_t errorCodes = static_cast<std::size_t>(ErrorCode::rateLimited) + 1;
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
    std::int64_t maxIds = 0;  ///< in all rules together
    std::int64_t messagesPerSecond = 0;
    std::int64_t bytesPerSecond = 0;
    std::int64_t errorsPerMinute = 0;
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
    std::vector<const Progress*> operations;
    std::vector<const Alert*> alerts;
    struct History {
        HistoryTimes times;
        HistorySeries server;            ///< no rows where `server` is null
        std::vector<HistorySeries> vms;  ///< beside `vms`
    };
    std::optional<History> history;  ///< where it was asked for
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

enum class ConsoleState { connected, waitingForVm, inUse, suspended, preempted, closed };
std::string_view word(ConsoleState state);

/// How a console is, as one viewer sees it.
struct ConsoleStatus {
    VmId vmId = 0;
    ConsoleState state = ConsoleState::suspended;
    std::string message;  ///< for people
    bool writer = false;  ///< this viewer holds the lease
    std::optional<std::string> writerUser;
    std::size_t viewers = 0;
    std::optional<std::string> bootId;
    std::string device;
    /// Bytes of input that will not reach the guest any more, where some were just dropped.
    std::uint64_t inputDropped = 0;
};
/// Offsets count the bytes of the device's output since the agent first saw some.
struct ConsoleAttached {
    std::optional<std::string> bootId;
    std::uint64_t startOffset = 0;  ///< of this boot
    std::uint64_t replayFrom = 0;
    std::uint64_t nextOffset = 0;
    bool writer = false;
    std::size_t viewers = 0;
};
struct ConsoleGap {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    bool approximate = false;  ///< how much is missing is not known
};
struct ConsoleMarker {
    std::string_view kind;  ///< `started`, `reboot`, `stopped`
    std::uint64_t offset = 0;
    std::optional<std::string> bootId;
};
struct ConsoleText {
    VmId vmId = 0;
    std::string text;  ///< UTF-8
};

/// A device as `GET …/console` lists it.
struct ConsoleInfo {
    struct Viewer {
        std::optional<std::string> user;
        std::string address;
        std::string connectionId;
        bool writer = false;
        bool mayWrite = false;
    };
    std::string device;
    std::string_view kind;
    std::string backend;
    bool openable = false;
    bool log = false;  ///< libvirt keeps a log file of it
    ConsoleState state = ConsoleState::waitingForVm;
    std::string message;
    std::optional<std::string> bootId;
    std::uint64_t startOffset = 0;  ///< of the first byte that is kept
    std::uint64_t nextOffset = 0;
    std::uint64_t keptBytes = 0;
    std::optional<std::string> writerUser;
    std::vector<Viewer> viewers;
};

using AgentMessage =
    std::variant<ConnectionStatus, SubscriptionConfirmed, Resumed, Pong, Error, TokenExpiring, Lag,
                 Goodbye, ConsoleStatus, ConsoleAttached, ConsoleGap, ConsoleMarker, ConsoleText>;

}  // namespace rollo::proto
