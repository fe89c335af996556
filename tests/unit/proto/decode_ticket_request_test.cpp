// SPDX-License-Identifier: Apache-2.0
#include "proto/ticket_request.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

using namespace rollo::proto;
namespace fs = std::filesystem;
using Mode = TicketRequest::Mode;

namespace {

/// How many examples of that kind there are; each is read, or not, as it should be.
int read(const std::string& kind) {
    int count = 0;
    for (const auto& entry :
         fs::directory_iterator(fs::path(ROLLO_EXAMPLE_DIR) / kind / "http/ticket_request")) {
        std::ifstream file(entry.path(), std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        CAPTURE(entry.path());
        CHECK(decodeTicketRequest(text.str()).has_value() == (kind == "valid"));
        ++count;
    }
    return count;
}

std::string fault(std::string_view text) {
    const auto request = decodeTicketRequest(text);
    REQUIRE_FALSE(request);
    return request.error().field + ": " + request.error().message;
}

}  // namespace

TEST_CASE("the decoder takes what the schema takes, and nothing else") {
    CHECK(read("valid") >= 2);
    CHECK(read("invalid") >= 3);
}

TEST_CASE("a ticket is wanted for an endpoint, and of a console for a mode") {
    const auto request = decodeTicketRequest(R"({"endpoint":"/ws/console/web 1","mode":"rw"})");
    REQUIRE(request);
    CHECK(request->endpoint == "/ws/console/web 1");
    CHECK(request->mode == Mode::write);
    CHECK(decodeTicketRequest(R"({"endpoint":"/ws","mode":"ro"})")->mode == Mode::read);
    CHECK(decodeTicketRequest(R"({"endpoint":"/ws","mode":null})")->mode == Mode::unsaid);
}

TEST_CASE("what is wrong is named, and where") {
    CHECK(fault(R"({"mode":"ro"})") == "endpoint: is missing");
    CHECK(fault(R"({"endpoint":"/ws","mode":"w"})") == "mode: must be ro or rw");
    CHECK(fault(R"({"endpoint":"/ws","secret-word":1})").find("secret-word") == std::string::npos);
    CHECK(fault("[]") == ": must be an object");
    CHECK(fault("{").find("at byte") != std::string::npos);
}
