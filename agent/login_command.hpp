// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/config.hpp"
#include "common/clock.hpp"

namespace rollo::agent {

/// What `rollo-agent login-link` was asked for.
struct LoginOptions {
    std::optional<std::string> subject;  ///< empty: whoever asks
    std::string role = "operator";
    std::string lifetime = "15m";
    std::optional<std::string> kid;  ///< as for a token
};

struct LoginLink {
    std::string address;  ///< with the token in its fragment, which no browser sends to a server
    std::string hint;     ///< what is worth knowing of it, without the token
};

/// The name of whoever runs this program; behind sudo(8) that of whoever called it.
std::string invokingUser();

/// The address of the first listener that is not a UNIX socket, by `hostname` where it listens to
/// every address of the host, with a token for it. Throws std::runtime_error, which says what to
/// change: where there is no such listener, its port is not known before the start, the lifetime is
/// more than a day (addresses stay in histories), and as makeToken.
LoginLink makeLoginLink(const LoginOptions& options, const Config& config,
                        const std::string& hostname, common::WallClock now);

}  // namespace rollo::agent
