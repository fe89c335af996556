// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/key_set.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "common/file.hpp"

namespace rollo::auth {

namespace {

struct AlgorithmRow {
    Algorithm algorithm;
    std::string_view word;
    std::size_t secretBytes;  ///< the least; 0 where the key is no secret of ours
};
constexpr std::array<AlgorithmRow, 9> algorithms{{{Algorithm::hs256, "HS256", 32},
                                                  {Algorithm::hs384, "HS384", 48},
                                                  {Algorithm::hs512, "HS512", 64},
                                                  {Algorithm::rs256, "RS256", 0},
                                                  {Algorithm::rs384, "RS384", 0},
                                                  {Algorithm::rs512, "RS512", 0},
                                                  {Algorithm::es256, "ES256", 0},
                                                  {Algorithm::es384, "ES384", 0},
                                                  {Algorithm::es512, "ES512", 0}}};
constexpr std::size_t largestSecretFile = 4096;

const AlgorithmRow& row(Algorithm algorithm) {
    return *std::ranges::find(algorithms, algorithm, &AlgorithmRow::algorithm);
}

}  // namespace

std::string_view word(Algorithm algorithm) {
    return row(algorithm).word;
}

void KeySet::add(Key key) {
    const auto& [algorithm, name, least] = row(key.algorithm);
    if (key.material.size() < least)
        throw std::runtime_error(fmt::format("the {} secret has {} bytes; it needs at least {}",
                                             name, key.material.size(), least));
    // A public key is no secret: whoever has it could sign.
    if (least > 0 && key.material.find("-----BEGIN") != std::string::npos)
        throw std::runtime_error(fmt::format("the {} secret is a PEM, not a secret", name));
    if (find(name, key.kid)) throw std::runtime_error(fmt::format("there are two {} keys", name));
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
