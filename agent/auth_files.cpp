// SPDX-License-Identifier: Apache-2.0
#include "agent/auth_files.hpp"

#include "agent/auth/key_files.hpp"

namespace rollo::agent {

std::vector<std::string> authFiles(const AuthConfig& config) {
    std::vector<std::string> files = config.keyFiles;
    if (config.hs256SecretFile) files.push_back(*config.hs256SecretFile);
    if (config.jwksFile) files.push_back(*config.jwksFile);
    if (const std::string deny = denyFile(config); !deny.empty()) files.push_back(deny);
    const std::string folder = keysFolder(config);
    if (folder.empty()) return files;
    files.push_back(folder);
    // Where the folder cannot be looked at, whether that is an error is makeVerifier's business.
    for (std::string& file : auth::filesInKeysFolder(folder).value_or(std::vector<std::string>()))
        files.push_back(std::move(file));
    return files;
}

bool hasKeys(const AuthConfig& config) {
    if (config.hs256SecretFile || !config.keyFiles.empty() || config.jwksFile) return true;
    const auto inFolder = auth::filesInKeysFolder(keysFolder(config));
    return inFolder ? !inFolder->empty() : inFolder.error() != std::errc::no_such_file_or_directory;
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
