// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "agent/auth/algorithm.hpp"

/// Public keys that are given by their numbers, as in a JSON Web Key, as PEM. The numbers are
/// big-endian. Whether such a key is any good is for KeySet::add to say. Each of these throws
/// std::runtime_error, which says what is wrong, where the numbers make no key at all.
namespace rollo::auth {

/// RFC 7518 §6.3.1. The modulus has at most 16,384 bits, the most that OpenSSL checks with.
std::string rsaPem(std::string_view modulus, std::string_view exponent);

/// RFC 7518 §6.2.1: both coordinates as long as the field of the algorithm's curve.
std::string ecPem(Algorithm algorithm, std::string_view x, std::string_view y);

}  // namespace rollo::auth
