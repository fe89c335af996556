// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/auth/key_set.hpp"

namespace rollo::auth {

/// Adds the keys of a JSON Web Key Set (RFC 7517 §5): RSA, EC and oct, each for the algorithm that
/// its `alg` names. An EC key without one is for the algorithm of its curve, an RSA key for RS256
/// (what OpenID Connect Core §15.1 lets everybody sign with). Keys that are not for signatures, or
/// not for an algorithm of ours, are left out of the set with a remark. Throws std::runtime_error,
/// which says what is wrong with which file and which of its keys, and nothing of what is in it:
/// where the file cannot be read, is over 1 MiB large or no key set, has a private key, a secret
/// that others may read, or a key that KeySet::add refuses. May block.
void addJwksFile(KeySet& keys, const std::string& path);

}  // namespace rollo::auth
