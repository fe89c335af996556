// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "agent/auth/deny_list.hpp"
#include "agent/auth/jwks.hpp"
#include "agent/auth/key_set.hpp"
#include "agent/auth/public_key.hpp"
#include "common/unique_fd.hpp"
#include "tests/fuzz/check.hpp"

/// Files of keys. The first byte says what the rest is: `0` to `8` a key for that algorithm, `d` a
/// deny list, `j` a key set.
namespace rollo::fuzz {
namespace {

using namespace auth;

void key(Algorithm algorithm, const std::string& material) {
    KeySet keys;
    try {
        keys.add({.algorithm = algorithm, .kid = "a", .material = material});
    } catch (const std::runtime_error& error) {
        demand(isOneLine(error.what()), "an error is one line");
        return;
    }
    const Key* added = keys.find(word(algorithm), "a");
    demand(added && !keys.find(word(algorithm), std::nullopt), "it is found by its name alone");
    if (const auto least = leastSecret(algorithm)) {
        demand(added->material == material && material.size() >= *least, "a secret is long enough");
        demand(material.find("-----BEGIN") == material.npos, "a public key is no secret");
        return;
    }
    demand(material.find("PRIVATE KEY") == material.npos, "a private key is not needed here");
    demand(readPublicKey(algorithm, added->material) == added->material,
           "what was read is as it is written");
}

void denyList(std::string_view text) {
    try {
        const auto list = DenyList::parse(text, "file");
        demand(list.size() <= text.size() / 5, "no more is denied than there stands");
        demand(!list.denies(core::Principal::anonymous()), "nobody is nobody");
    } catch (const std::runtime_error& error) {
        demand(isOneLine(error.what()), "an error is one line");
        demand(std::string_view(error.what()).starts_with("file:"), "an error says where");
    }
}

/// As a file that nobody else may read.
void keySet(std::string_view text) {
    const common::UniqueFd file(memfd_create("key set", MFD_CLOEXEC));
    demand(fchmod(file.get(), 0600) == 0, "the file is its owner's");
    demand(write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
           "the file is written");
    const std::string path = "/proc/self/fd/" + std::to_string(file.get());
    KeySet keys;
    try {
        addJwksFile(keys, path);
    } catch (const std::runtime_error& error) {
        demand(isOneLine(error.what()), "an error is one line");
        demand(std::string_view(error.what()).starts_with(path), "an error says where");
    }
    for (const auto& remark : keys.leftOut()) demand(isOneLine(remark), "a remark is one line");
    for (const Key& each : keys.keys()) {
        KeySet again;
        again.add(each);  // throws for a key that is not sound
        demand(each.material.find("PRIVATE KEY") == std::string::npos, "no private key is kept");
    }
}

}  // namespace
}  // namespace rollo::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rollo;
    using namespace rollo::fuzz;
    const auto text = textOf(data, size);
    if (text.empty()) return 0;
    const char kind = text.front();
    if (kind == 'd') denyList(text.substr(1));
    if (kind == 'j') keySet(text.substr(1));
    if (kind >= '0' && kind <= '8')
        key(static_cast<auth::Algorithm>(kind - '0'), std::string(text.substr(1)));
    return 0;
}
