// SPDX-License-Identifier: Apache-2.0
#include "agent/auth_setup.hpp"

#include <stdexcept>

#include "agent/auth/key_files.hpp"

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

std::vector<std::string> authFiles(const AuthConfig& config) {
    std::vector<std::string> files = config.keyFiles;
    if (config.hs256SecretFile) files.push_back(*config.hs256SecretFile);
    if (config.jwksFile) files.push_back(*config.jwksFile);
    if (const std::string deny = denyFile(config); !deny.empty()) files.push_back(deny);
    const std::string folder = keysFolder(config);
    if (folder.empty()) return files;
    files.push_back(folder);
    try {
        for (std::string& file : auth::filesInKeysFolder(folder)) files.push_back(std::move(file));
    } catch (const std::runtime_error&) {
        // Then nothing in it is read either; whether that is an error is makeVerifier's business.
    }
    return files;
}

std::string keysFolder(const AuthConfig& config) {
    if (config.keysDir) return *config.keysDir;
    return config.folder.empty() ? "" : config.folder + "/keys";
}

std::string denyFile(const AuthConfig& config) {
    if (config.denyFile) return *config.denyFile;
    return config.folder.empty() ? "" : config.folder + "/deny";
}

}  // namespace rollo::agent
