// SPDX-License-Identifier: Apache-2.0
#include "agent/polkit_rule.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "common/file.hpp"

namespace rollo::agent {

namespace {

constexpr std::size_t largestFile = 64 * 1024;
/// Before libvirt's own, 60-libvirt.rules: the first rule that answers decides.
constexpr std::string_view ownName = "50-rollo-agent.rules";

[[noreturn]] void fail(const std::string& path, const std::string& why) {
    throw std::runtime_error(fmt::format("{}: {}", path, why));
}

/// What may stand in a JavaScript string as it is; useradd(8) allows no more.
bool isPlain(const std::string& user) {
    return !user.empty() && std::ranges::all_of(user, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_-.").contains(c);
    });
}

bool isFolder(const std::string& path) {
    struct stat status{};
    if (stat(path.c_str(), &status) == 0) return S_ISDIR(status.st_mode);
    if (errno != ENOENT && errno != ENOTDIR) fail(path, std::system_category().message(errno));
    return false;
}

/// Whom a rule names that this program has written, nobody where there is none.
std::optional<std::string> namedIn(const std::string& path) {
    const auto content = common::readFile(path, largestFile);
    if (!content && content.error() == std::errc::no_such_file_or_directory) return std::nullopt;
    if (!content) fail(path, content.error().message());
    constexpr std::string_view before = "subject.user == \"";
    const auto begin = content->bytes.find(before);
    if (begin != std::string::npos) {
        const auto name = begin + before.size();
        const auto user = content->bytes.substr(name, content->bytes.find('"', name) - name);
        if (content->bytes == polkitRule(user)) return user;
    }
    fail(path, "is not what this command writes, and stays as it is");
}

/// What is missing, and what to do; empty where nothing is.
std::string missing(const PolkitPlace& place) {
    if (!isFolder(place.folder))
        return fmt::format(
            "there is no folder {}. Install polkit, or name the folder of its rules with "
            "--polkit-rules",
            place.folder);
    const passwd* entry = getpwnam(place.user.c_str());
    if (!entry)
        return fmt::format(
            "there is no user {}. Make it, or name the one that the agent runs as with --user",
            place.user);
    return {};
}

}  // namespace

std::string PolkitPlace::file() const {
    return fmt::format("{}/{}", folder, ownName);
}

std::string polkitRule(const std::string& user) {
    return fmt::format(
        R"(// Written whole by `rollo-agent console enable`; `rollo-agent console disable` removes it.
// It lets the user {0} manage libvirt, which is as good as root on this host: libvirt has no
// smaller right that opens the consoles of guests.
polkit.addRule(function(action, subject) {{
    if (action.id == "org.libvirt.unix.manage" && subject.user == "{0}") {{
        return polkit.Result.YES;
    }}
}});
)",
        user);
}

std::string grantLibvirt(const PolkitPlace& place) {
    const std::string path = place.file();
    if (!isPlain(place.user)) fail(path, "--user has to be the name of a user");
    if (const std::string what = missing(place); !what.empty())
        return fmt::format(
            "No polkit rule was installed: {}, and run this again.\n"
            "Without it an agent that is not root gets no console from the system's libvirt.\n",
            what);
    namedIn(path);
    if (const auto error = common::writeFileAtomically(path, polkitRule(place.user), 0644))
        fail(path, error.message());
    return fmt::format(
        "{0}: polkit lets the user {1} manage libvirt (org.libvirt.unix.manage)\n"
        "\n"
        "This is as good as root on this host. Whoever controls the agent's process, or any other\n"
        "of the user {1}, can define and start guests with every disk and device of the host.\n"
        "Libvirt offers nothing smaller: what is read-only there opens no console, and polkit is\n"
        "asked about the whole connection. The agent uses it to open consoles and for nothing\n"
        "else. `rollo-agent console disable` takes it back.\n",
        path, place.user);
}

std::string revokeLibvirt(const PolkitPlace& place) {
    const std::string path = place.file();
    if (!isFolder(place.folder)) return fmt::format("{}: there is no polkit rule\n", path);
    const auto user = namedIn(path);
    if (!user) return fmt::format("{}: there is no polkit rule\n", path);
    if (unlink(path.c_str()) != 0) fail(path, std::system_category().message(errno));
    return fmt::format(
        "{}: removed; polkit lets the user {} open no further connection that manages libvirt\n",
        path, *user);
}

std::string libvirtGrant(const PolkitPlace& place) {
    const std::string path = place.file();
    try {
        const auto user = isFolder(place.folder) ? namedIn(path) : std::nullopt;
        if (!user) return fmt::format("{}: there is no polkit rule\n", path);
        return fmt::format("{}: polkit lets the user {} manage libvirt, which is as good as root\n",
                           path, *user);
    } catch (const std::runtime_error& error) {
        return fmt::format("{}\n", error.what());  // root alone may look into polkit's folder
    }
}

}  // namespace rollo::agent
