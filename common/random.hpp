// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace rollo::common {

/// That many random bytes of getrandom(2), as lower-case hexadecimal digits.
/// Throws std::system_error where the kernel gives none.
std::string randomHex(std::size_t bytes);

}  // namespace rollo::common
