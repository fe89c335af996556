// SPDX-License-Identifier: Apache-2.0
#include "agent/key_command.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "agent/auth/key_files.hpp"
#include "agent/auth/public_key.hpp"
#include "agent/auth_setup.hpp"
#include "agent/token_command.hpp"
#include "common/file.hpp"
#include "common/random.hpp"

namespace rollo::agent {

namespace {

constexpr std::size_t longestKid = 64;

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

/// What stands in the name of a file, and in every token.
void checkKid(const std::string& kid) {
    const bool plain = std::ranges::all_of(kid, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
    if (kid.empty() || kid.size() > longestKid || !plain || kid.starts_with('.'))
        throw std::runtime_error(fmt::format(
            "a kid is 1 to {} letters, digits, dots, dashes and underscores, with no dot first",
            longestKid));
}

std::string strengthOf(const auth::Key& key) {
    if (auth::leastSecret(key.algorithm)) return fmt::format("{} bytes", key.material.size());
    const int bits = auth::publicKeyBits(key.material);
    return auth::curve(key.algorithm).empty() ? fmt::format("{} bits", bits)
                                              : fmt::format("P-{}", bits);
}

std::string groupName(gid_t group) {
    const struct group* entry = getgrgid(group);
    return entry ? entry->gr_name : std::to_string(group);
}

}  // namespace

KeyPlace placeOfNewKey(const KeyOptions& options, const AuthConfig& config) {
    const auto algorithm = auth::algorithmOfFileWord(options.algorithm);
    if (!algorithm || !auth::leastSecret(*algorithm))
        throw std::runtime_error(
            "the algorithm of a secret is hs256, hs384 or hs512; public keys are made where their "
            "private halves stay");
    if (options.kid) checkKid(*options.kid);
    const auth::KeyName name{*algorithm, options.kid};
    if (config.hs256SecretFile && !name.kid && name.algorithm == auth::Algorithm::hs256)
        return {*config.hs256SecretFile, name.algorithm};
    return {keysFolder(config) + "/" + auth::secretFileName(name), name.algorithm};
}

NewKey makeKey(const KeyPlace& place) {
    const std::string& path = place.path;
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    makeFolder(folder);
    const auto readers = readersOf(folder);
    NewKey key{.path = path, .mode = readers ? 0640U : 0600U, .group = {}};
    if (readers) key.group = groupName(*readers);
    const std::string secret = common::randomHex(*auth::leastSecret(place.algorithm)) + "\n";
    const auto error = common::createFileAtomically(path, secret, key.mode, readers);
    if (error == std::errc::file_exists)
        fail(path, "there is a key already, which stays as it is; --kid NAME makes another one");
    if (error) fail(path, error.message());
    return key;
}

std::string report(const NewKey& key, const std::string& program) {
    const std::string readers =
        key.group ? fmt::format("you and the group {}", *key.group) : std::string("you alone");
    return fmt::format(
        "{0}: a new key, readable by {1} (mode {2:04o})\n"
        "\n"
        "An agent that runs takes it soon by itself, and at once when it gets SIGHUP (systemctl\n"
        "reload rollo-agent). Then:\n"
        "\n"
        "  {3} login-link\n"
        "  {3} token --sub NAME --role viewer\n",
        key.path, readers, key.mode, program);
}

std::string keyList(const AuthConfig& config) {
    const auto verifier = makeVerifier(config);
    const auto& keys = verifier.keys().keys();
    const auth::Key* signing = newestSecret(verifier.keys());
    std::size_t width = 3;
    for (const auth::Key& key : keys) width = std::max(width, key.kid.value_or("-").size());
    std::string list = keys.empty() ? "there are no keys: rollo-agent key new makes one\n"
                                    : fmt::format("{:{}}  {:5}  {:9}  {}\n", "KID", width, "ALG",
                                                  "STRENGTH", "FILE");
    for (const auth::Key& key : keys)
        list += fmt::format("{:{}}  {:5}  {:9}  {}{}\n", key.kid.value_or("-"), width,
                            auth::word(key.algorithm), strengthOf(key), key.file,
                            &key == signing ? " (signs what `token` and `login-link` make)" : "");
    for (const std::string& remark : verifier.keys().leftOut()) list += remark + "\n";
    return list;
}

}  // namespace rollo::agent
