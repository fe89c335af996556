// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rollo::common {

/// base64url without padding (RFC 4648 §5).
std::string encodeBase64Url(std::string_view bytes);

/// Strict: nothing for padding, other characters, impossible lengths, or set bits behind the last
/// byte. One byte string has exactly one text.
std::optional<std::string> decodeBase64Url(std::string_view text);

}  // namespace rollo::common
