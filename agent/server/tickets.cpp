// SPDX-License-Identifier: Apache-2.0
#include "agent/server/tickets.hpp"

#include <algorithm>
#include <utility>

#include "common/random.hpp"

namespace rollo::server {
namespace {

constexpr std::size_t ticketBytes = 16;
constexpr std::size_t mostTickets = 8192;  ///< of all users together

}  // namespace

std::size_t Tickets::of(const core::Principal& owner) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        issued_, [&](const auto& each) { return each.second.ticket.owner.user == owner.user; }));
}

std::optional<std::string> Tickets::issue(Ticket ticket, std::size_t mostPerUser,
                                          common::Monotonic now) {
    tick(now);
    if (issued_.size() >= mostTickets || of(ticket.owner) >= mostPerUser) return std::nullopt;
    std::string shown = common::randomHex(ticketBytes);
    issued_.emplace(shown, Issued{std::move(ticket), now + lifetime});
    return shown;
}

std::optional<Ticket> Tickets::redeem(const std::string& shown, common::Monotonic now) {
    auto found = issued_.extract(shown);
    if (found.empty() || now >= found.mapped().end) return std::nullopt;
    return std::move(found.mapped().ticket);
}

void Tickets::tick(common::Monotonic now) {
    std::erase_if(issued_, [&](const auto& each) { return now >= each.second.end; });
}

}  // namespace rollo::server
