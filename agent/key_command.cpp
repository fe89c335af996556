// SPDX-License-Identifier: Apache-2.0
#include "agent/key_command.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "common/file.hpp"
#include "common/random.hpp"

namespace rollo::agent {

namespace {

constexpr std::size_t secretBytes = 32;

[[noreturn]] void fail(const std::string& path, const std::string& why) {
    throw std::runtime_error(fmt::format("{}: {}", path, why));
}
[[noreturn]] void failWithErrno(const std::string& path) {
    fail(path, std::system_category().message(errno));
}

/// The group that is to read what root puts into that folder; none where that is root's own, or
/// where somebody else puts it there.
std::optional<gid_t> readersOf(const std::string& folder) {
    struct stat status{};
    if (stat(folder.c_str(), &status) != 0) failWithErrno(folder);
    if (geteuid() != 0 || status.st_gid == 0) return std::nullopt;
    return status.st_gid;
}

void makeFolder(const std::filesystem::path& folder) {
    if (mkdir(folder.c_str(), 0700) != 0) {
        if (errno == EEXIST) return;
        failWithErrno(folder);
    }
    const auto readers = readersOf(folder.parent_path());
    if (!readers) return;
    if (chown(folder.c_str(), 0, *readers) != 0 || chmod(folder.c_str(), 0750) != 0)
        failWithErrno(folder);
}

std::string groupName(gid_t group) {
    const struct group* entry = getgrgid(group);
    return entry ? entry->gr_name : std::to_string(group);
}

}  // namespace

NewKey makeKey(const std::string& path) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    makeFolder(folder);
    const auto readers = readersOf(folder);
    NewKey key{.path = path, .mode = readers ? 0640U : 0600U, .group = {}};
    if (readers) key.group = groupName(*readers);
    const std::string secret = common::randomHex(secretBytes) + "\n";
    const auto error = common::createFileAtomically(path, secret, key.mode, readers);
    if (error == std::errc::file_exists) fail(path, "there is a key already, which stays as it is");
    if (error) fail(path, error.message());
    return key;
}

std::string report(const NewKey& key, const std::string& program) {
    const std::string readers =
        key.group ? fmt::format("you and the group {}", *key.group) : std::string("you alone");
    return fmt::format(
        "{0}: a new key, readable by {1} (mode {2:04o})\n"
        "\n"
        "An agent that runs takes it when it gets SIGHUP (systemctl reload rollo-agent). Then:\n"
        "\n"
        "  {3} login-link\n"
        "  {3} token --sub NAME --role viewer\n",
        key.path, readers, key.mode, program);
}

}  // namespace rollo::agent
