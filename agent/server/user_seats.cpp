// SPDX-License-Identifier: Apache-2.0
#include "agent/server/user_seats.hpp"

#include <utility>

namespace rollo::server {

UserSeats::Seat::Seat(UserSeats& seats, std::string user) : seats_(&seats), user_(std::move(user)) {
    ++seats_->taken_[user_];
}

UserSeats::Seat::Seat(Seat&& other) noexcept
    : seats_(std::exchange(other.seats_, nullptr)), user_(std::move(other.user_)) {}

UserSeats::Seat& UserSeats::Seat::operator=(Seat&& other) noexcept {
    std::swap(seats_, other.seats_);
    std::swap(user_, other.user_);
    return *this;
}

UserSeats::Seat::~Seat() {
    if (!seats_) return;
    const auto found = seats_->taken_.find(user_);
    if (--found->second == 0) seats_->taken_.erase(found);
}

std::optional<UserSeats::Seat> UserSeats::take(const std::string& user, std::size_t most) {
    if (taken(user) >= most) return std::nullopt;
    return Seat(*this, user);
}

std::size_t UserSeats::taken(const std::string& user) const {
    const auto found = taken_.find(user);
    return found == taken_.end() ? 0 : found->second;
}

}  // namespace rollo::server
