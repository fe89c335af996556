// SPDX-License-Identifier: Apache-2.0
#include "agent/auth_setup.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>

#include "common/file.hpp"

namespace rollo::agent {
namespace {

/// `[KID.]hs256.secret`
auth::Key readNamedKey(const std::string& path) {
    const std::string name = std::filesystem::path(path).filename();
    const std::string_view suffix = "hs256.secret";
    if (!name.ends_with(suffix)) throw std::runtime_error(path + ": the name says no algorithm");
    auth::Key key = auth::readHs256SecretFile(path);
    if (name != suffix) key.kid = name.substr(0, name.size() - suffix.size() - 1);
    return key;
}

auth::DenyList readDenyList(const AuthConfig& config) {
    const std::string path = denyFile(config);
    if (path.empty() || (!config.denyFile && !std::filesystem::exists(path))) return {};
    const auto content = common::readFile(path, 1 << 20);
    if (!content) throw std::runtime_error(path + ": " + content.error().message());
    return auth::DenyList::parse(content->bytes, path);
}

}  // namespace

auth::TokenVerifier makeVerifier(const AuthConfig& config) {
    auth::KeySet keys;
    try {
        if (config.hs256SecretFile) keys.add(auth::readHs256SecretFile(*config.hs256SecretFile));
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(std::string("auth.hs256_secret_file: ") + error.what());
    }
    const std::string folder = keysFolder(config);
    if (std::filesystem::is_directory(folder))
        for (const auto& each : std::filesystem::directory_iterator(folder))
            if (each.path() != config.hs256SecretFile) keys.add(readNamedKey(each.path()));
    return {std::move(keys),
            {.issuer = config.issuer, .audience = config.audience, .leeway = config.leeway},
            readDenyList(config)};
}

std::vector<std::string> authFiles(const AuthConfig& config) {
    std::vector<std::string> files = config.keyFiles;
    if (config.hs256SecretFile) files.push_back(*config.hs256SecretFile);
    if (config.jwksFile) files.push_back(*config.jwksFile);
    if (const std::string deny = denyFile(config); !deny.empty()) files.push_back(deny);
    if (const std::string folder = keysFolder(config); !folder.empty()) files.push_back(folder);
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
