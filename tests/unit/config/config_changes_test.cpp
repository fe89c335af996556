// SPDX-License-Identifier: Apache-2.0
#include "agent/config_changes.hpp"

#include <doctest/doctest.h>

using namespace rollo::agent;
using namespace std::chrono_literals;

TEST_CASE("equal configurations have no changes") {
    CHECK(changesBetween(Config(), Config()).empty());
}

TEST_CASE("changes say what was, what is, and what takes a restart") {
    Config after;
    after.agent.serverId = 3;
    after.metrics.interval = 10s;
    after.server.listen.push_back(*rollo::server::ListenAddress::parse("unix:/x"));
    CHECK(changesBetween(Config(), after) ==
          std::vector<ConfigChange>{
              {"agent.server_id", "not set", "3", true},
              {"server.listen", "[\"127.0.0.1:8780\"]", "[\"127.0.0.1:8780\", \"unix:/x\"]", true},
              {"metrics.interval_seconds", "5", "10", false}});
}

TEST_CASE("a reload takes over what can change, and leaves the rest as it runs") {
    Config fresh;
    fresh.agent.serverId = 3;
    fresh.agent.logLevel = rollo::common::log::Level::debug;
    fresh.auth.issuer = "x";
    const Config result = reloaded(Config(), fresh);
    CHECK_FALSE(result.agent.serverId);
    CHECK(result.agent.logLevel == rollo::common::log::Level::debug);
    CHECK(result.auth.issuer == "x");
    for (const ConfigChange& left : changesBetween(result, fresh)) CHECK(left.needsRestart);
    for (const ConfigChange& taken : changesBetween(Config(), result))
        CHECK_FALSE(taken.needsRestart);
}
