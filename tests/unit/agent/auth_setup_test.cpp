// SPDX-License-Identifier: Apache-2.0
#include "agent/auth_setup.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "unit/temporary_folder.hpp"

using namespace rollo::agent;
using rollo::tests::TemporaryFolder;

TEST_CASE("a secret that cannot be used names the key and the file") {
    const TemporaryFolder folder;
    AuthConfig config;
    config.hs256SecretFile = folder / "missing";
    CHECK_THROWS_WITH(makeVerifier(config), ("auth.hs256_secret_file: " + (folder / "missing") +
                                             ": No such file or directory")
                                                .c_str());
}

TEST_CASE("without a secret there is a verifier that takes nothing") {
    CHECK_NOTHROW(makeVerifier(AuthConfig()));
    CHECK_FALSE(makeVerifier(AuthConfig()).verify("a.b.c", rollo::common::readClocks()));
}
