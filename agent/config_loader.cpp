// SPDX-License-Identifier: Apache-2.0
#include "agent/config_loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "agent/auth_files.hpp"
#include "agent/config_alerts.hpp"
#include "agent/config_checks.hpp"
#include "agent/config_clients.hpp"
#include "agent/config_table.hpp"
#include "agent/config_toml.hpp"
#include "common/file.hpp"
#include "common/utf8.hpp"

namespace rollo::agent {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t largestFile = 1024 * 1024;

/// One file's way into the configuration.
class Applier {
  public:
    Applier(Config& config, FileErrors& errors) : config_(config), errors_(errors) {}

    void apply(const toml::table& document) {
        for (const auto& [name, node] : document) {
            const toml::table* section = node.as_table();
            const bool ofAlerts = name.str() == "alerts";
            if (!ofAlerts && !isSection(name.str()))
                errors_.report(name.source(), name.str(), "unknown section");
            else if (!section)
                errors_.report(name.source(), name.str(), "must be a section");
            else if (ofAlerts)
                applyAlerts(*section, config_.alerts, errors_);
            else
                applySection(name.str(), *section);
        }
    }

  private:
    void applySection(std::string_view section, const toml::table& keys) {
        for (const auto& [key, node] : keys) {
            const toml::table* table = node.as_table();
            if (section == "tls" && key.str() == "clients" && table) {
                applyTlsClients(*table, config_.tls.clients, errors_);
                continue;
            }
            const ConfigOption* option = findOption(section, key.str());
            const auto wrong = option ? option->set(config_, valueOf(node))
                                      : std::optional<std::string>("unknown key");
            if (wrong)
                errors_.report(key.source(), fmt::format("{}.{}", section, key.str()), *wrong);
        }
    }

    Config& config_;
    FileErrors& errors_;
};

/// The `*.toml` beside the file in `conf.d`, in order of name; a missing folder has none.
std::vector<std::string> dropIns(const std::string& path, ConfigErrors& errors) {
    const fs::path folder = fs::path(path).parent_path() / "conf.d";
    std::vector<std::string> files;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename();
        if (name.ends_with(".toml") && !name.starts_with('.')) files.push_back(at->path());
    }
    if (error && error != std::errc::no_such_file_or_directory)
        errors.push_back(fmt::format("{}: {}", folder.string(), error.message()));
    std::ranges::sort(files);
    return files;
}

void applyFile(const std::string& file, Config& config, ConfigErrors& errors) {
    const auto content = common::readFile(file, largestFile);
    if (!content)
        errors.push_back(fmt::format("{}: {}", file, content.error().message()));
    else
        applyToml(content->bytes, file, config, errors);
}

std::string folderOf(const std::string& configPath) {
    std::error_code error;
    return fs::absolute(configPath, error).parent_path();
}

void warnAboutDoors(const AuthConfig& auth, std::vector<std::string>& warnings) {
    if (!auth.anonymous && !hasKeys(auth))
        warnings.push_back(
            "nobody can connect: auth.anonymous is false, and there is no key "
            "(rollo-agent key new makes one)");
}

}  // namespace

std::vector<std::string> configFiles(const std::string& path, ConfigErrors& errors) {
    std::vector<std::string> files = dropIns(path, errors);
    files.insert(files.begin(), path);
    return files;
}

void applyToml(std::string_view text, const std::string& file, Config& config,
               ConfigErrors& errors) {
    if (!common::isUtf8(text)) {
        errors.push_back(file + ": is not UTF-8");
        return;
    }
    try {
        const toml::table document = toml::parse(text, file);
        FileErrors found(file);
        Applier(config, found).apply(document);
        found.addTo(errors);
    } catch (const toml::parse_error& error) {
        errors.push_back(fmt::format("{}:{}: {}", file, error.source().begin.line,
                                     oneLine(error.description())));
    }
}

std::expected<LoadedConfig, ConfigErrors> loadConfig(const ConfigSource& source) {
    LoadedConfig loaded;
    ConfigErrors errors;
    for (const std::string& file : configFiles(source.path, errors))
        applyFile(file, loaded.config, errors);
    applyEnvironment(source.environment, loaded.config, errors, loaded.warnings);
    checkTogether(loaded.config, errors, loaded.warnings);
    if (!errors.empty()) return std::unexpected(std::move(errors));
    loaded.config.auth.folder = folderOf(source.path);
    warnAboutDoors(loaded.config.auth, loaded.warnings);
    return loaded;
}

}  // namespace rollo::agent
