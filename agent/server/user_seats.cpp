// SPDX-License-Identifier: Apache-2.0
#include "agent/server/user_seats.hpp"

#include <utility>

namespace rollo::server {

UserSeats::Seat::Seat(UserSeats& seats, const std::string& user)
    : taken_(&seats.taken_), place_(seats.taken_.try_emplace(user).first) {
    ++place_->second;
}

UserSeats::Seat::Seat(Seat&& other) noexcept
    : taken_(std::exchange(other.taken_, nullptr)), place_(other.place_) {}

UserSeats::Seat& UserSeats::Seat::operator=(Seat&& other) noexcept {
    std::swap(taken_, other.taken_);
    std::swap(place_, other.place_);
    return *this;
}

UserSeats::Seat::~Seat() {
    if (taken_ && --place_->second == 0) taken_->erase(place_);
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
