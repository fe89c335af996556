// SPDX-License-Identifier: Apache-2.0
#include "agent/auth_setup.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <stdexcept>
#include <system_error>

#include "agent/auth/guarded_file.hpp"
#include "agent/auth/jwks.hpp"
#include "agent/auth/key_files.hpp"

namespace rollo::agent {

namespace {

/// Whatever `read` throws names that key of the configuration as well.
template <class Read>
auto forKey(std::string_view key, Read read) try {
    return read();
} catch (const std::runtime_error& error) {
    throw std::runtime_error(fmt::format("{}: {}", key, error.what()));
}

std::vector<std::string> keysInFolder(const AuthConfig& config) {
    const std::string folder = keysFolder(config);
    if (folder.empty()) return {};
    auto files = auth::filesInKeysFolder(folder);
    if (!files && files.error() == std::errc::no_such_file_or_directory && !config.keysDir)
        return {};
    if (!files) throw std::runtime_error(fmt::format("{}: {}", folder, files.error().message()));
    struct stat status{};
    if (stat(folder.c_str(), &status) == 0) auth::checkIsGuarded(folder, status.st_mode);
    return std::move(*files);
}

auth::DenyList readDenyList(const AuthConfig& config) {
    const std::string path = denyFile(config);
    struct stat status{};
    const bool isAbsent = path.empty() || (stat(path.c_str(), &status) != 0 && errno == ENOENT);
    if (isAbsent && !config.denyFile) return {};
    return auth::DenyList::load(path);
}

/// A file that several settings name is one key.
class KeyReader {
  public:
    void add(const std::string& path) {
        if (isNew(path)) auth::addKeyFile(keys, path);
    }
    void add(const std::string& path, const auth::KeyName& name) {
        if (isNew(path)) auth::addKeyFile(keys, path, name);
    }

    auth::KeySet keys;

  private:
    bool isNew(const std::string& path) {
        return read_.insert(std::filesystem::path(path).lexically_normal()).second;
    }

    std::set<std::string> read_;
};

auth::KeySet readKeys(const AuthConfig& config) {
    KeyReader reader;
    forKey("auth.hs256_secret_file", [&] {
        if (config.hs256SecretFile) reader.add(*config.hs256SecretFile, auth::KeyName());
    });
    forKey("auth.key_files", [&] {
        for (const std::string& file : config.keyFiles) reader.add(file);
    });
    forKey("auth.keys_dir", [&] {
        for (const std::string& file : keysInFolder(config)) reader.add(file);
    });
    forKey("auth.jwks_file", [&] {
        if (config.jwksFile) auth::addJwksFile(reader.keys, *config.jwksFile);
    });
    return std::move(reader.keys);
}

}  // namespace

auth::TokenVerifier makeVerifier(const AuthConfig& config) {
    return {readKeys(config),
            {.issuer = config.issuer,
             .audience = config.audience,
             .leeway = config.leeway,
             .maxLifetime = config.maxLifetime},
            forKey("auth.deny_file", [&] { return readDenyList(config); })};
}

}  // namespace rollo::agent
