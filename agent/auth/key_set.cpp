// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/key_set.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <stdexcept>

#include "agent/auth/public_key.hpp"
#include "common/file.hpp"

namespace rollo::auth {

namespace {

constexpr std::size_t largestSecretFile = 4096;

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

}  // namespace

void KeySet::add(Key key) {
    if (const auto least = leastSecret(key.algorithm))
        checkSecret(key.algorithm, *least, key.material);
    else
        key.material = publicKey(key.algorithm, key.material);
    if (find(word(key.algorithm), key.kid))
        throw std::runtime_error(fmt::format("there are two {} keys", word(key.algorithm)));
    keys_.push_back(std::move(key));
}

const Key* KeySet::find(std::string_view algorithm, std::optional<std::string_view> kid) const {
    const auto found = std::ranges::find_if(
        keys_, [&](const Key& key) { return word(key.algorithm) == algorithm && key.kid == kid; });
    return found == keys_.end() ? nullptr : &*found;
}

Key readHs256SecretFile(const std::string& path) {
    auto file = common::readFile(path, largestSecretFile);
    if (!file) throw std::runtime_error(fmt::format("{}: {}", path, file.error().message()));
    if ((file->mode & S_IRWXO) != 0)
        throw std::runtime_error(
            fmt::format("{}: others may read or write this secret; chmod o= {}", path, path));
    Key key{.algorithm = Algorithm::hs256, .kid = std::nullopt, .material = std::move(file->bytes)};
    if (key.material.ends_with('\n')) key.material.pop_back();
    try {
        KeySet().add(key);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(fmt::format("{}: {}", path, error.what()));
    }
    return key;
}

}  // namespace rollo::auth
