// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/clock.hpp"

namespace rollo::server {

/// What a client's certificate says of it, once authorities that are trusted have signed it.
struct ClientCertificate {
    /// Its DNS and e-mail names (RFC 5280 §4.2.1.6) in its own order; where it has none, its common
    /// name.
    std::vector<std::string> names;
    common::WallClock end;  ///< its last moment (notAfter)
};

}  // namespace rollo::server
