// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace rollo::agent {

/// What `rollo-agent key new` made.
struct NewKey {
    std::string path;
    mode_t mode;
    std::optional<std::string> group;  ///< who else may read it: the agent, where it is not root
};

/// Makes the secret that tokens are signed with: 256 bits of getrandom(2) as hexadecimal digits.
/// Nobody else may read it, except that root gives a folder's group what it puts there, so that an
/// agent with a user of its own can read it. The folder is made too, if that alone is missing.
/// Throws std::runtime_error, which names the file, where there is one already or none can be made.
NewKey makeKey(const std::string& path);

/// What was made, and what to do with it, nothing of the secret. `program`: how to call this one.
std::string report(const NewKey& key, const std::string& program);

}  // namespace rollo::agent
