// SPDX-License-Identifier: Apache-2.0
#include "agent/core/console_report.hpp"
#include "tests/unit/core/console_bench.hpp"

namespace rollo::tests {
namespace {

TEST_CASE("the list of consoles, and the log that is downloaded") {
    ConsoleBench bench;
    bench.begin({serial("serial0"), {"serial1", core::ConsoleDevice::Kind::serial, "unix", {}}});
    auto ann = bench.watchBinary();
    bench.opened().print("ab").print("yz", 1000);
    ann->type("x");
    const core::Vm& vm = *bench.host.host.state().find(uuid(1));
    const Document list(proto::encodeConsoles(core::describeConsoles(vm, *bench.consoles)));
    REQUIRE(list.size("consoles") == 2);
    CHECK(list.text("consoles[0].device") == "serial0");
    CHECK(list.text("consoles[0].kind") == "serial");
    CHECK(list.flag("consoles[0].openable"));
    CHECK(list.text("consoles[0].status") == "connected");
    CHECK(list.integer("consoles[0].next_offset") == 1004);
    CHECK(list.integer("consoles[0].kept_bytes") == 4);
    CHECK(list.text("consoles[0].writer_user") == "ann");
    CHECK(list.text("consoles[0].viewers[0].address") == "192.0.2.1");
    CHECK(list.text("consoles[0].viewers[0].mode") == "rw");
    CHECK(list.flag("consoles[0].viewers[0].writer"));
    CHECK(list.text("consoles[1].backend") == "unix");
    CHECK_FALSE(list.flag("consoles[1].openable"));
    CHECK(list.text("consoles[1].status") == "closed");
    const core::Console* console = bench.consoles->find(uuid(1), "serial0");
    CHECK(core::consoleText(console, {}, {}) == "ab\r\n[rollo: 1000 bytes are missing here]\r\nyz");
    CHECK(core::consoleText(console, 1003, {}) == "z");
    CHECK(core::consoleText(console, 1000, {}) == "\r\n[rollo: 2 bytes are missing here]\r\nyz");
    CHECK(core::consoleText(console, {}, 1) == "z");
    CHECK(core::consoleText(nullptr, {}, {}) == "");
}

}  // namespace
}  // namespace rollo::tests
