// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "agent/auth/algorithm.hpp"
#include "agent/config.hpp"

namespace rollo::agent {

/// What `rollo-agent key new` was asked for.
struct KeyOptions {
    std::optional<std::string> kid;
    std::string algorithm = "hs256";
};

/// A file for a secret, and what signs and checks with it.
struct KeyPlace {
    std::string path;
    auth::Algorithm algorithm = auth::Algorithm::hs256;
};

/// Where the new key belongs: into the folder of keys, or where auth.hs256_secret_file says, if
/// just that one is meant. Throws std::runtime_error where an option is none that a key can have.
KeyPlace placeOfNewKey(const KeyOptions& options, const AuthConfig& config);

/// What `rollo-agent key new` made.
struct NewKey {
    std::string path;
    mode_t mode;
    std::optional<std::string> group;  ///< who else may read it: the agent, where it is not root
};

/// Makes the secret that tokens are signed with: as many bytes of getrandom(2) as the algorithm's
/// hash has, as hexadecimal digits. Nobody else may read it, except that root gives a folder's
/// group what it puts there, so that an agent with a user of its own can read it. The folder is
/// made too, if that alone is missing. Throws std::runtime_error, which names the file, where there
/// is one already or none can be made.
NewKey makeKey(const KeyPlace& place);

/// What was made, and what to do with it, nothing of the secret. `program`: how to call this one.
std::string report(const NewKey& key, const std::string& program);

/// All keys that the agent takes now, a line each: kid, algorithm, strength and file, and which of
/// them `token` signs with; nothing secret. Throws std::runtime_error where the agent would not
/// take them.
std::string keyList(const AuthConfig& config);

}  // namespace rollo::agent
