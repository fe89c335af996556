// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rollo::common {

/// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
bool isUtf8(std::string_view text);

/// The text with U+FFFD in the place of each byte that belongs to no well-formed character.
std::string toUtf8(std::string_view text);

/// How many bytes at the end, 0 to 3, are the beginning of a character that the next bytes may
/// complete. A text that comes in pieces is read well if they wait for the next piece.
std::size_t incompleteEnd(std::string_view text);

}  // namespace rollo::common
