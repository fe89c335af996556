// SPDX-License-Identifier: Apache-2.0
// As they are read of a domain's XML.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "agent/virt/domain_xml.hpp"

using namespace rollo;
using namespace rollo::virt;
using core::ConsoleDevice;
using Kind = core::ConsoleDevice::Kind;

namespace {

std::vector<ConsoleDevice> read(const std::string& devices) {
    const auto xml =
        readDomainXml("<domain><name>a</name><devices>" + devices + "</devices></domain>");
    REQUIRE(xml);
    return xml->consoles;
}

std::string aliases(const std::string& devices) {
    std::string all;
    for (const auto& device : read(devices)) all += device.alias + " ";
    return all;
}

/// As libvirt shows the first serial line once more.
const std::string doubled = "<console type='pty'><target type='serial' port='0'/></console>";
const std::string virtio = "<console type='pty'><target type='virtio' port='1'/></console>";

}  // namespace

TEST_CASE("each serial line and console of a running guest is listed once") {
    const auto devices = read(
        "<serial type='pty'><source path='/dev/pts/9'/>"
        "<log file='/var/log/a.log' append='on'/><alias name='serial0'/></serial>"
        "<serial type='unix'><log file='/var/log/b.log'/><alias name='serial1'/></serial>"
        "<console type='pty' tty='/dev/pts/9'><target type='serial' port='0'/>"
        "<alias name='serial0'/></console>"
        "<console type='pty'><target type='virtio' port='0'/><alias name='console1'/></console>"
        "<console type='pty'><target type='sclp'/><alias name='ua-mine'/></console>");
    REQUIRE(devices.size() == 4);
    CHECK(devices[0] == ConsoleDevice{.alias = "serial0",
                                      .kind = Kind::serial,
                                      .backend = "pty",
                                      .log = core::ConsoleLogFile{"/var/log/a.log", true}});
    CHECK(devices[1] == ConsoleDevice{.alias = "serial1",
                                      .kind = Kind::serial,
                                      .backend = "unix",
                                      .log = core::ConsoleLogFile{"/var/log/b.log", false}});
    CHECK(devices[2] == ConsoleDevice{.alias = "console1", .kind = Kind::virtio, .backend = "pty"});
    CHECK(devices[3] == ConsoleDevice{.alias = "ua-mine", .kind = Kind::other, .backend = "pty"});
    CHECK(devices[0].openable());
    CHECK_FALSE(devices[1].openable());
}

TEST_CASE("devices of a guest that does not run have the names that they will get") {
    CHECK(aliases("<serial type='pty'/><serial type='unix'/>" + doubled + virtio + virtio) ==
          "serial0 serial1 console1 console2 ");
    CHECK(aliases("<serial type='pty'><alias name='ua-x'/></serial>" + doubled) == "ua-x ");
    CHECK(aliases("") == "");
}

TEST_CASE("the first is the one that libvirt opens by default") {
    CHECK(aliases("<serial type='pty'/>") == "serial0 ");
    CHECK(aliases("<serial type='pty'/>" + virtio) == "console0 serial0 ");
    CHECK(aliases(virtio + "<serial type='pty'/>") == "console0 serial0 ");
    CHECK(aliases(doubled) == "serial0 ");
}

TEST_CASE("a log without a file is none") {
    CHECK_FALSE(read("<serial type='pty'><log append='on'/></serial>")[0].log);
}
