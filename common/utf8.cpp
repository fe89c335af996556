// SPDX-License-Identifier: Apache-2.0
#include "common/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace rollo::common {

namespace {

constexpr std::size_t longestCharacter = 4;

unsigned char at(std::string_view text, std::size_t index) {
    return static_cast<unsigned char>(text[index]);
}

bool isContinuation(unsigned char byte) {
    return (byte & 0xc0) == 0x80;
}

/// How long a character is that begins with this byte (RFC 3629 §4); 0 if none does.
std::size_t announcedLength(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/// Whether all bytes that are there are as they have to be behind the first of them; not more than
/// belong to the character.
bool isBeginning(std::string_view text) {
    const unsigned char lead = at(text, 0);
    const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (text.size() > 1 && (at(text, 1) < low || at(text, 1) > high)) return false;
    for (std::size_t i = 2; i < text.size(); ++i)
        if (!isContinuation(at(text, i))) return false;
    return true;
}

/// The length of the well-formed character that `text` begins with; 0 if none.
std::size_t characterLength(std::string_view text) {
    const std::size_t length = announcedLength(at(text, 0));
    if (length == 0 || text.size() < length) return 0;
    return isBeginning(text.substr(0, length)) ? length : 0;
}

/// How many of the first bytes are ASCII, counted in eights: nearly all texts are nothing else.
std::size_t asciiPrefix(std::string_view text) {
    std::size_t length = 0;
    for (std::uint64_t word = 0; length + sizeof word <= text.size(); length += sizeof word) {
        std::memcpy(&word, text.data() + length, sizeof word);
        if ((word & 0x8080808080808080U) != 0) break;
    }
    return length;
}

/// The length of the longest well-formed beginning.
std::size_t validPrefix(std::string_view text) {
    std::size_t length = asciiPrefix(text);
    while (length < text.size()) {
        const std::size_t next = characterLength(text.substr(length));
        if (next == 0) break;
        length += next;
    }
    return length;
}

}  // namespace

bool isUtf8(std::string_view text) {
    return validPrefix(text) == text.size();
}

std::string toUtf8(std::string_view text) {
    std::string result;
    result.reserve(text.size() + 16);
    while (!text.empty()) {
        const std::size_t good = validPrefix(text);
        result.append(text.substr(0, good));
        text.remove_prefix(good);
        if (text.empty()) break;
        result.append("\xef\xbf\xbd");
        text.remove_prefix(1);
    }
    return result;
}

std::size_t incompleteEnd(std::string_view text) {
    for (std::size_t length = 1; length < longestCharacter && length <= text.size(); ++length) {
        const auto end = text.substr(text.size() - length);
        if (isContinuation(at(end, 0))) continue;
        return announcedLength(at(end, 0)) > length && isBeginning(end) ? length : 0;
    }
    return 0;
}

}  // namespace rollo::common
