// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/key_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "agent/auth/guarded_file.hpp"

namespace rollo::auth {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t largestSecret = 4096;
constexpr std::size_t largestPem = 16 * 1024;
constexpr std::string_view secretEnding = ".secret";
constexpr std::string_view publicKeyEnding = ".pem";

bool isLeftOver(std::string_view name) {
    return name.starts_with('.') || name.ends_with('~') ||
           (name.starts_with('#') && name.ends_with('#'));
}

std::string readSecret(const std::string& path) {
    auto file = readGuardedFile(path, largestSecret);
    checkIsSecret(path, file.mode);
    if (file.bytes.ends_with('\n')) file.bytes.pop_back();
    return std::move(file.bytes);
}

/// A time long ago where the file has gone meanwhile.
fs::file_time_type lastWrite(const std::string& path) {
    std::error_code gone;
    return fs::last_write_time(path, gone);
}

}  // namespace

std::optional<KeyName> parseKeyName(std::string_view name) {
    const bool isSecret = name.ends_with(secretEnding);
    if (!isSecret && !name.ends_with(publicKeyEnding)) return std::nullopt;
    name.remove_suffix(isSecret ? secretEnding.size() : publicKeyEnding.size());
    const auto dot = name.rfind('.');
    const auto algorithm = algorithmOfFileWord(dot == name.npos ? name : name.substr(dot + 1));
    if (!algorithm || leastSecret(*algorithm).has_value() != isSecret) return std::nullopt;
    if (dot == name.npos) return KeyName{*algorithm, std::nullopt};
    return KeyName{*algorithm, std::string(name.substr(0, dot))};
}

std::string secretFileName(const KeyName& name) {
    return fmt::format("{}{}{}{}", name.kid.value_or(""), name.kid ? "." : "",
                       fileWord(name.algorithm), secretEnding);
}

std::expected<std::vector<std::string>, std::error_code> filesInKeysFolder(
    const std::string& folder) {
    std::vector<std::string> files;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        if (!isLeftOver(at->path().filename().string())) files.push_back(at->path());
    if (error) return std::unexpected(error);
    std::ranges::sort(files);
    return files;
}

void addKeyFile(KeySet& keys, const std::string& path) {
    const auto name = parseKeyName(fs::path(path).filename().string());
    if (!name)
        throw std::runtime_error(fmt::format(
            "{}: a key's name is [KID.]ALG.secret (hs256, hs384, hs512) or [KID.]ALG.pem "
            "(rs256, rs384, rs512, es256, es384, es512)",
            path));
    addKeyFile(keys, path, *name);
}

void addKeyFile(KeySet& keys, const std::string& path, const KeyName& name) {
    Key key{.algorithm = name.algorithm,
            .kid = name.kid,
            .material = leastSecret(name.algorithm) ? readSecret(path)
                                                    : readGuardedFile(path, largestPem).bytes,
            .file = path,
            .written = lastWrite(path)};
    try {
        keys.add(std::move(key));
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(fmt::format("{}: {}", path, error.what()));
    }
}

}  // namespace rollo::auth
