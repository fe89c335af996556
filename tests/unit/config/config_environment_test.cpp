// SPDX-License-Identifier: Apache-2.0
#include "agent/config_environment.hpp"

#include <doctest/doctest.h>

using namespace rollo::agent;

namespace {

using Lines = std::vector<std::string>;

struct Applied {
    Config config;
    Lines errors;
    Lines warnings;
};
Applied apply(const Environment& environment) {
    Applied result;
    applyEnvironment(environment, result.config, result.errors, result.warnings);
    return result;
}

}  // namespace

TEST_CASE("only the program's own variables are taken") {
    const char* const variables[] = {"HOME=/root", "ROLLO_A_B=c=d", "ROLLO_EMPTY=", "XROLLO_A=1",
                                     nullptr};
    CHECK(rolloVariables(variables) == Environment{{"ROLLO_A_B", "c=d"}, {"ROLLO_EMPTY", ""}});
}

TEST_CASE("each type of key can be set by a variable") {
    const auto applied = apply({{"ROLLO_AGENT_SERVER_ID", "12"},
                                {"ROLLO_AUTH_ANONYMOUS", "true"},
                                {"ROLLO_LIBVIRT_URI", "test:///default"},
                                {"ROLLO_SERVER_LISTEN", "127.0.0.1:1, [::1]:2,unix:/x"}});
    CHECK(applied.errors == Lines{});
    CHECK(applied.warnings == Lines{});
    CHECK(applied.config.agent.serverId == 12);
    CHECK(applied.config.auth.anonymous);
    CHECK(applied.config.libvirt.uri == "test:///default");
    CHECK(applied.config.server.listen.size() == 3);
}

TEST_CASE("a bad value names its variable") {
    CHECK(apply({{"ROLLO_AGENT_SERVER_ID", "12x"},
                 {"ROLLO_AUTH_ANONYMOUS", "1"},
                 {"ROLLO_AUTH_ISSUER", ""},
                 {"ROLLO_METRICS_INTERVAL_SECONDS", "99999999999999999999"},
                 {"ROLLO_SERVER_LISTEN", ""}})
              .errors ==
          Lines{"environment variable ROLLO_AGENT_SERVER_ID: must be an integer from 1 to "
                "9007199254740991",
                "environment variable ROLLO_AUTH_ANONYMOUS: must be true or false",
                "environment variable ROLLO_AUTH_ISSUER: must be a text",
                "environment variable ROLLO_METRICS_INTERVAL_SECONDS: must be an integer from 1 "
                "to 300",
                "environment variable ROLLO_SERVER_LISTEN: \"\" is no \"ADDRESS:PORT\", "
                "\"[IPv6]:PORT\", \"tls:ADDRESS:PORT\" or \"unix:/path\" (an address is literal, "
                "not a name)"});
}

TEST_CASE("a variable that names no key is warned about") {
    const auto applied = apply({{"ROLLO_SERVER_HEARTBEAT", "3"}});
    CHECK(applied.errors == Lines{});
    CHECK(applied.warnings ==
          Lines{"environment variable ROLLO_SERVER_HEARTBEAT names no key and is ignored"});
}
