// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/key_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace rollo::auth {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view secretEnding = ".secret";
constexpr std::string_view publicKeyEnding = ".pem";

bool isLeftOver(std::string_view name) {
    return name.starts_with('.') || name.ends_with('~') ||
           (name.starts_with('#') && name.ends_with('#'));
}

}  // namespace

std::optional<KeyName> parseKeyName(std::string_view name) {
    const bool isSecret = name.ends_with(secretEnding);
    if (!isSecret && !name.ends_with(publicKeyEnding)) return std::nullopt;
    name.remove_suffix(isSecret ? secretEnding.size() : publicKeyEnding.size());
    const auto dot = name.rfind('.');
    const auto algorithm = algorithmOfFileWord(dot == name.npos ? name : name.substr(dot + 1));
    if (!algorithm || leastSecret(*algorithm).has_value() != isSecret || dot == 0)
        return std::nullopt;
    if (dot == name.npos) return KeyName{*algorithm, std::nullopt};
    return KeyName{*algorithm, std::string(name.substr(0, dot))};
}

std::string secretFileName(const KeyName& name) {
    return fmt::format("{}{}{}{}", name.kid.value_or(""), name.kid ? "." : "",
                       fileWord(name.algorithm), secretEnding);
}

std::vector<std::string> filesInKeysFolder(const std::string& folder) {
    std::vector<std::string> files;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        if (!isLeftOver(at->path().filename().string())) files.push_back(at->path());
    if (error) throw std::runtime_error(fmt::format("{}: {}", folder, error.message()));
    std::ranges::sort(files);
    return files;
}

}  // namespace rollo::auth
