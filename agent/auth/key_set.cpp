// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/key_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "agent/auth/public_key.hpp"
#include "common/utf8.hpp"

namespace rollo::auth {

namespace {

constexpr std::size_t mostKeys = 256;
constexpr std::size_t longestKid = 256;

void checkKid(std::string_view kid) {
    const bool printable = std::ranges::none_of(
        kid, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (kid.empty() || kid.size() > longestKid || !printable || !common::isUtf8(kid))
        throw std::runtime_error(
            fmt::format("a kid is 1 to {} bytes of UTF-8 and no control characters", longestKid));
}

void checkSecret(Algorithm algorithm, std::size_t least, std::string_view secret) {
    if (secret.size() < least)
        throw std::runtime_error(fmt::format("the {} secret has {} bytes; it needs at least {}",
                                             word(algorithm), secret.size(), least));
    // A public key is no secret: whoever has it could sign.
    if (secret.find("-----BEGIN") != secret.npos)
        throw std::runtime_error(
            fmt::format("the {} secret is a PEM, not a secret", word(algorithm)));
}

std::string publicKey(Algorithm algorithm, std::string_view pem) {
    try {
        return readPublicKey(algorithm, pem);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(fmt::format("the {} key {}", word(algorithm), error.what()));
    }
}

std::string thereAreTwo(const Key& first) {
    return fmt::format("there are two {} keys{}{}", word(first.algorithm),
                       first.kid ? fmt::format(" with the kid {}", *first.kid) : "",
                       first.file.empty() ? "" : "; the other one is in " + first.file);
}

}  // namespace

void KeySet::add(Key key) {
    if (keys_.size() == mostKeys)
        throw std::runtime_error(fmt::format("there are more than {} keys", mostKeys));
    if (key.kid) checkKid(*key.kid);
    if (const auto least = leastSecret(key.algorithm))
        checkSecret(key.algorithm, *least, key.material);
    else
        key.material = publicKey(key.algorithm, key.material);
    if (const Key* first = find(word(key.algorithm), key.kid))
        throw std::runtime_error(thereAreTwo(*first));
    keys_.push_back(std::move(key));
}

const Key* KeySet::find(std::string_view algorithm, std::optional<std::string_view> kid) const {
    const auto found = std::ranges::find_if(
        keys_, [&](const Key& key) { return word(key.algorithm) == algorithm && key.kid == kid; });
    return found == keys_.end() ? nullptr : &*found;
}

}  // namespace rollo::auth
