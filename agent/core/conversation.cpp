// SPDX-License-Identifier: Apache-2.0
#include "agent/core/conversation.hpp"

#include <utility>

#include "proto/codec.hpp"

namespace rollo::core {
namespace {

constexpr std::chrono::seconds warnBeforeExpiry{60};
constexpr std::chrono::seconds graceAfterExpiry{25};

}  // namespace

Conversation::Conversation(std::string connectionId, Principal principal, Lasting<Terms> terms,
                           const Hub& hub, const HostState& state, Subscriber& subscriber)
    : connectionId_(std::move(connectionId)),
      principal_(std::move(principal)),
      terms_(terms),
      hub_(hub),
      state_(state),
      subscriber_(subscriber) {}

void Conversation::open(const common::Now& now) {
    sayWhoYouAre(now);
    begin(now);
}

bool Conversation::handleBytes(std::string_view, const common::Now&) {
    return false;
}

void Conversation::sayWhoYouAre(const common::Now& now) {
    proto::ConnectionStatus status;
    status.connectionId = connectionId_;
    status.epoch = hub_.epoch();
    status.seq = hub_.seq();
    status.serverId = state_.server.id;
    status.serverUuid = state_.server.uuid;
    status.hostname = state_.server.hostname;
    status.agentVersion = state_.server.agentVersion;
    status.user = principal_.user;
    status.role = principal_.role;
    status.permissions = principal_.permissions.words();
    status.heartbeatSeconds = terms_.heartbeat.count();
    status.limits = {static_cast<std::int64_t>(terms_.maxMessageBytes),
                     static_cast<std::int64_t>(terms_.maxRules),
                     static_cast<std::int64_t>(terms_.maxIds),
                     terms_.messagesPerSecond,
                     terms_.bytesPerSecond,
                     terms_.errorsPerMinute};
    say(status, now);
}

bool Conversation::renew(Principal principal, const common::Now& now) {
    if (principal_.user && principal.user != principal_.user) {
        refuse(proto::ErrorCode::identityMismatch, "the token belongs to somebody else", "auth",
               now);
        return false;
    }
    const Principal before = std::exchange(principal_, std::move(principal));
    warnedOfExpiry_ = false;
    if (refusal()) {
        subscriber_.close(proto::farewell::permissionDenied);
        return true;
    }
    sayWhoYouAre(now);
    rightsChanged(before, now);
    return true;
}

void Conversation::tick(const common::Now& now) {
    if (!principal_.expiresAt) return;
    if (now.wall >= *principal_.expiresAt + graceAfterExpiry) {
        subscriber_.close(proto::farewell::tokenExpired);
    } else if (!warnedOfExpiry_ && now.wall >= *principal_.expiresAt - warnBeforeExpiry) {
        warnedOfExpiry_ = true;
        say(proto::TokenExpiring{*principal_.expiresAt}, now);
    }
}

void Conversation::say(const proto::AgentMessage& message, const common::Now& now) {
    subscriber_.send(proto::encode(message, now));
}

void Conversation::answerPing(const common::Now& now) {
    say(proto::Pong{hub_.seq()}, now);
}

void Conversation::refuse(proto::ErrorCode code, std::string message, std::string_view type,
                          const common::Now& now) {
    subscriber_.refuse({code, std::move(message), type, {}}, now);
}

}  // namespace rollo::core
