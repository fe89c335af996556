// SPDX-License-Identifier: Apache-2.0
#include "agent/server/refusals.hpp"

#include "common/log.hpp"

namespace rollo::server {
namespace {

namespace log = common::log;

struct Row {
    std::string_view word;
    std::string_view sentence;
    log::Level level = log::Level::info;  ///< higher where the administrator may have to act
};
constexpr std::array<Row, refusalReasons> rows = {{
    {"host", "its Host is not one of server.allowed_hosts"},
    {"origin", "its Origin is not one of server.allowed_origins"},
    {"token", "its token is missing or not valid"},
    {"connections", "there are server.max_connections already", log::Level::warning},
    {"connections_per_address", "its address has server.max_connections_per_address already"},
    {"connection_rate", "its address opens more than server.new_connections_per_second"},
    {"file_descriptors", "the process has no file descriptor left", log::Level::warning},
    {"request_time", "it sent no whole request within server.request_seconds"},
    {"response_time", "it did not take its answer within server.response_seconds"},
    {"message_rate", "it sends more than server.messages_per_second"},
    {"byte_rate", "it sends more than server.bytes_per_second"},
    {"errors", "it made more than server.errors_per_minute"},
    {"publish_rate", "it publishes more than publish.events_per_second"},
    {"auth_time", "it sent no token within server.auth_seconds"},
    {"tls_handshake", "its TLS handshake failed"},
    {"token_rate", "its address sent more bad tokens than auth.failures_per_minute"},
    {"connections_per_user", "its user has server.max_connections_per_user already"},
    {"consoles_per_user", "its user watches console.max_per_user already"},
    {"tickets", "its user has auth.max_tickets_per_user already"},
    {"forwarded", "what this trusted proxy says of its client cannot be read", log::Level::warning},
}};

const Row& row(std::size_t reason) {
    return rows[reason];
}

}  // namespace

std::string_view word(Refused reason) {
    return row(static_cast<std::size_t>(reason)).word;
}

void Refusals::note(Refused reason, std::string_view peer, common::Monotonic now,
                    std::string_view detail) {
    const auto index = static_cast<std::size_t>(reason);
    ++counters_.refused[index];
    Held& held = held_[index];
    if (held.count > 0 || now < held.next) {
        ++held.count;
        held.lastPeer = peer;
        return;
    }
    held.next = now + betweenLines;
    log::write(row(index).level,
               fmt::format("{} was refused: {}{}{}", peer, row(index).sentence,
                           detail.empty() ? "" : ": ", detail),
               {{"ROLLO_ADDRESS", std::string(peer)}});
}

void Refusals::tick(common::Monotonic now) {
    for (std::size_t index = 0; index < held_.size(); ++index) {
        Held& held = held_[index];
        if (held.count == 0 || now < held.next) continue;
        held.next = now + betweenLines;
        log::write(row(index).level, fmt::format("{} more were refused, the last one {}: {}",
                                                 held.count, held.lastPeer, row(index).sentence));
        held.count = 0;
    }
}

}  // namespace rollo::server
