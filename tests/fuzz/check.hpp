// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/utf8.hpp"

/// What libFuzzer calls with one input after the other; each target is one such function.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace rollo::fuzz {

/// What has to hold whatever the input is. Where it does not, the process ends, which libFuzzer
/// takes for a crash: it keeps the input.
inline void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "NOT SO: %s\n", what);
    std::abort();
}

inline std::string_view textOf(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// The input's pieces, of which `separator` stands between two.
inline std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    while (true) {
        const auto end = text.find(separator);
        pieces.push_back(text.substr(0, end));
        if (end == text.npos) return pieces;
        text.remove_prefix(end + 1);
    }
}

/// One line for people: no control characters, well-formed UTF-8.
inline bool isOneLine(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    return common::isUtf8(text);
}

}  // namespace rollo::fuzz
