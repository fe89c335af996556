// SPDX-License-Identifier: Apache-2.0
#include "agent/server/frame_trace.hpp"

#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "tests/fakes/examples.hpp"

using namespace rollo::proto;
using namespace rollo::tests;
using rollo::server::describe;

TEST_CASE("a message is told by type, size and number") {
    const Frame event = encode(Event(VmDeleted{vm(1), "undefined"}), 1234, at());
    CHECK(describe(event) ==
          "vm_deleted of " + std::to_string(event.payload().size()) + " bytes, seq 1234");
    const Frame answer = encode(AgentMessage(Pong{7}), at());
    CHECK(describe(answer) == "pong of " + std::to_string(answer.payload().size()) + " bytes");
}

TEST_CASE("nothing of what a guest prints is told, whatever it looks like") {
    const std::string printed = R"({"type":"secret","seq":99})";
    CHECK(describe(Frame::binary(printed)) == "26 bytes");
    CHECK(describe(Frame::binary("")) == "0 bytes");
    const Frame text = encode(AgentMessage(ConsoleText{1, printed}), at());
    CHECK(describe(text) ==
          "console_output of " + std::to_string(text.payload().size()) + " bytes");
    CHECK(describe(Frame::text(printed.substr(1))) == "? of 25 bytes, seq 99");
}
