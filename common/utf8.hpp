// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace rollo::common {

/// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
bool isUtf8(std::string_view text);

/// The text with U+FFFD in the place of each byte that belongs to no well-formed character.
std::string toUtf8(std::string_view text);

}  // namespace rollo::common
