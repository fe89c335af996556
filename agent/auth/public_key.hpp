// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "agent/auth/algorithm.hpp"

namespace rollo::auth {

/// The public key of a PEM, written anew, so that libjwt reads the very key that was looked at and
/// nothing that stands around it. Throws std::runtime_error, which says what is wrong, unless the
/// text is one `PUBLIC KEY` (RFC 7468 §13) that serves the RS or ES algorithm: RSA with at least
/// 2048 bits (RFC 7518 §3.3) or a point on the algorithm's curve (§3.4), and valid in itself.
std::string readPublicKey(Algorithm algorithm, std::string_view pem);

/// Of a PEM that readPublicKey wrote: the bits of its modulus, or of its curve's field.
int publicKeyBits(std::string_view pem);

}  // namespace rollo::auth
