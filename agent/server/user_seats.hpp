// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

namespace rollo::server {

/// How many WebSockets each user has open. Anonymous clients are no user.
/// Thread: main.
class UserSeats {
  public:
    /// One of them; free again when this goes. Must not outlive the UserSeats.
    class Seat {
      public:
        Seat(UserSeats& seats, const std::string& user);
        Seat(Seat&& other) noexcept;
        Seat& operator=(Seat&& other) noexcept;
        ~Seat();

      private:
        using Taken = std::map<std::string, std::size_t>;

        Taken* taken_;  ///< null: it is another's now
        Taken::iterator place_;
    };

    /// Nothing where that user has `most` already.
    std::optional<Seat> take(const std::string& user, std::size_t most);

    std::size_t taken(const std::string& user) const;

  private:
    std::map<std::string, std::size_t> taken_;
};

}  // namespace rollo::server
