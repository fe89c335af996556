// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/server/address.hpp"

namespace rollo::server {

/// Who is at the other end of a connection, and how it came.
struct Peer {
    std::string text;                ///< its address as people write it
    std::optional<Address> address;  ///< none for a UNIX socket
    bool tls = false;                ///< by TLS, whoever ends it
    bool publisher = false;          ///< by the socket for publishing alone
    bool proxy = false;              ///< a trusted proxy, or somebody who comes through one
};

}  // namespace rollo::server
