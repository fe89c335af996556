// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/algorithm.hpp"

#include <algorithm>
#include <array>

namespace rollo::auth {

namespace {

struct AlgorithmRow {
    Algorithm algorithm;
    std::string_view word;
    std::optional<std::size_t> leastSecret;
    std::string_view curve;
};
constexpr std::array<AlgorithmRow, 9> rows{{{Algorithm::hs256, "HS256", 32, ""},
                                            {Algorithm::hs384, "HS384", 48, ""},
                                            {Algorithm::hs512, "HS512", 64, ""},
                                            {Algorithm::rs256, "RS256", {}, ""},
                                            {Algorithm::rs384, "RS384", {}, ""},
                                            {Algorithm::rs512, "RS512", {}, ""},
                                            {Algorithm::es256, "ES256", {}, "prime256v1"},
                                            {Algorithm::es384, "ES384", {}, "secp384r1"},
                                            {Algorithm::es512, "ES512", {}, "secp521r1"}}};

const AlgorithmRow& row(Algorithm algorithm) {
    return *std::ranges::find(rows, algorithm, &AlgorithmRow::algorithm);
}

}  // namespace

std::string_view word(Algorithm algorithm) {
    return row(algorithm).word;
}

std::optional<Algorithm> algorithmOf(std::string_view word) {
    const auto* found = std::ranges::find(rows, word, &AlgorithmRow::word);
    return found == rows.end() ? std::nullopt : std::optional(found->algorithm);
}

std::string fileWord(Algorithm algorithm) {
    std::string text(word(algorithm));
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

std::optional<Algorithm> algorithmOfFileWord(std::string_view word) {
    const auto* found = std::ranges::find_if(
        rows, [&](const AlgorithmRow& each) { return fileWord(each.algorithm) == word; });
    return found == rows.end() ? std::nullopt : std::optional(found->algorithm);
}

std::optional<std::size_t> leastSecret(Algorithm algorithm) {
    return row(algorithm).leastSecret;
}

std::string_view curve(Algorithm algorithm) {
    return row(algorithm).curve;
}

}  // namespace rollo::auth
