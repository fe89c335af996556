// SPDX-License-Identifier: Apache-2.0
#include "agent/auth_setup.hpp"

#include <stdexcept>
#include <string>

namespace rollo::agent {

auth::TokenVerifier makeVerifier(const AuthConfig& config) {
    auth::KeySet keys;
    try {
        if (config.hs256SecretFile) keys.add(auth::readHs256SecretFile(*config.hs256SecretFile));
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(std::string("auth.hs256_secret_file: ") + error.what());
    }
    return {std::move(keys),
            {.issuer = config.issuer, .audience = config.audience, .leeway = config.leeway}};
}

}  // namespace rollo::agent
