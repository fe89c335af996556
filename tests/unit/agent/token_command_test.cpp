// SPDX-License-Identifier: Apache-2.0
#include "agent/token_command.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "agent/auth_setup.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::agent;
using namespace std::chrono_literals;
using rollo::tests::TemporaryFolder;

namespace {

struct Setting {
    TemporaryFolder folder;
    AuthConfig config;
    common::Now now = common::readClocks();

    Setting() {
        config.hs256SecretFile = folder.write("secret", std::string(40, 's') + "\n");
        config.issuer = "me";
        config.audience = "rollo";
    }
    std::string error(const TokenOptions& options) const {
        try {
            makeToken(options, config, now.wall);
            return "";
        } catch (const std::runtime_error& failure) {
            return failure.what();
        }
    }
};

}  // namespace

TEST_CASE("lifetimes have units, and an end") {
    CHECK(parseLifetime("90") == 90s);
    CHECK(parseLifetime("90s") == 90s);
    CHECK(parseLifetime("15m") == 15min);
    CHECK(parseLifetime("12h") == 12h);
    CHECK(parseLifetime("7d") == 7 * 24h);
    CHECK(parseLifetime("3660d") == 3660 * 24h);
    for (const char* text : {"", "h", "0", "0h", "-1h", "1w", "1 h", "1hh", "1.5h", "3661d",
                             "9223372036854775807d", "99999999999999999999"}) {
        CAPTURE(text);
        CHECK_FALSE(parseLifetime(text));
    }
}

TEST_CASE("the agent takes the tokens that it makes") {
    const Setting setting;
    const std::string token =
        makeToken({.subject = "ann", .roles = {"operator"}, .vms = {"17", "web"}, .lifetime = "2h"},
                  setting.config, setting.now.wall);
    const auto principal = makeVerifier(setting.config).verify(token, setting.now);
    REQUIRE(principal);
    CHECK(principal->user == "ann");
    CHECK(principal->role == "operator");
    CHECK(principal->vms->size() == 2);
    CHECK(*principal->expiresAt <= setting.now.wall + 2h);
    CHECK(*principal->expiresAt > setting.now.wall + 2h - 1s);
}

TEST_CASE("what cannot be a token says why") {
    Setting setting;
    CHECK(setting.error({.subject = "ann", .roles = {"king"}}) ==
          "unknown role king: viewer, operator or admin");
    CHECK(setting.error({.subject = "ann", .permissions = {"vm:fly"}}) ==
          "unknown permission vm:fly");
    CHECK(setting.error({.subject = "ann", .lifetime = "soon"}) ==
          "a lifetime is a number with s, m, h or d, at most ten years");
    CHECK(setting.error({.subject = ""}).find("no usable token") == 0);
    CHECK(setting.error({.subject = std::string(5000, 'x')}).find("no usable token") == 0);
    setting.config.hs256SecretFile.reset();
    CHECK(setting.error({.subject = "ann"}) ==
          "there is no key to sign a token with: rollo-agent key new makes one");
}
