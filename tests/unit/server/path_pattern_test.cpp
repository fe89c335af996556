// SPDX-License-Identifier: Apache-2.0
#include "agent/server/path_pattern.hpp"

#include <doctest/doctest.h>

using rollo::server::matchPath;

TEST_CASE("a pattern without braces is one path") {
    CHECK(matchPath("/", "/") == "");
    CHECK(matchPath("/api/v1/vms", "/api/v1/vms") == "");
    for (const auto* path : {"", "/", "/api/v1/vm", "/api/v1/vms/", "/api/v1/vmss"})
        CHECK_FALSE(matchPath("/api/v1/vms", path));
}

TEST_CASE("a name at the end is one segment that is not empty") {
    CHECK(matchPath("/vms/{vm}", "/vms/42") == "42");
    CHECK(matchPath("/vms/{vm}", "/vms/a b") == "a b");
    CHECK(matchPath("/vms/{vm}", "/vms/{vm}") == "{vm}");
    for (const auto* path : {"/vms", "/vms/", "/vms/1/", "/vms/1/2", "/vms//", "/vm/1"})
        CHECK_FALSE(matchPath("/vms/{vm}", path));
}

TEST_CASE("a name in the middle is one segment that is not empty") {
    CHECK(matchPath("/vms/{vm}/console", "/vms/42/console") == "42");
    CHECK(matchPath("/vms/{vm}/console", "/vms/console/console") == "console");
    CHECK(matchPath("/vms/{vm}/console/log", "/vms/42/console/log") == "42");
    for (const auto* path : {"/vms/console", "/vms//console", "/vms/1/console/", "/vms/1/2/console",
                             "/vms/1console", "/vms/1/consol", "/vms/1/console/log"})
        CHECK_FALSE(matchPath("/vms/{vm}/console", path));
    CHECK_FALSE(matchPath("/vms/{vm}/console/log", "/vms/42/console"));
}
