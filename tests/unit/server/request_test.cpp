// SPDX-License-Identifier: Apache-2.0
#include "agent/server/request.hpp"

#include <doctest/doctest.h>

using rollo::server::loggable;

TEST_CASE("a path is logged as it is, but for a token or ticket in it") {
    for (const char* path : {"/", "/ws/vm/web-1", "/api/v1/vms/eye/history", "/ws/vm/tokens"})
        CHECK(loggable(path) == path);
    CHECK(loggable("/api/v1/vms&token=secret") == "/api/v1/vms&[redacted]");
    CHECK(loggable("/ws/ticket=secret/more") == "/ws/[redacted]");
    CHECK(loggable("/ws?ticket=one&token=two") == "/ws?[redacted]");
    CHECK(loggable("/ws/eyJhbGciOiJIUzI1NiJ9.secret.secret") == "/ws/[redacted]");
    CHECK(loggable("eyJ/token=") == "[redacted]");
}
