// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rollo::auth {

/// The signatures of RFC 7518 §3.1 that libjwt knows.
enum class Algorithm { hs256, hs384, hs512, rs256, rs384, rs512, es256, es384, es512 };

/// As in the `alg` member of a token's header.
std::string_view word(Algorithm algorithm);

/// The algorithm of that word, exactly; nothing for any other.
std::optional<Algorithm> algorithmOf(std::string_view word);

/// As in the name of a key file: in lower case.
std::string fileWord(Algorithm algorithm);
std::optional<Algorithm> algorithmOfFileWord(std::string_view word);

/// How many bytes a secret needs at the least, that of the hash (RFC 7518 §3.2); nothing where
/// tokens are checked with a public key.
std::optional<std::size_t> leastSecret(Algorithm algorithm);

/// OpenSSL's name of the one curve of an ES algorithm (RFC 7518 §3.4); empty for the others.
std::string_view curve(Algorithm algorithm);

}  // namespace rollo::auth
