// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/domain_xml.hpp"

#include <doctest/doctest.h>

#include <string>

#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::virt;

namespace {

std::string domain(const std::string& inside, const std::string& attributes = "type='qemu'") {
    return "<domain " + attributes + "><name>web</name>" + inside + "</domain>";
}

std::string withId(const std::string& id) {
    return domain("<metadata><rollo:vm xmlns:rollo='" + std::string(metadataNamespace) + "' id='" +
                  id + "'/></metadata>");
}

}  // namespace

TEST_CASE("a running domain's XML is read whole") {
    const auto xml = readDomainXml(domain(
        "<title>Web &amp; mail</title><metadata>"
        "<libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>"
        "<libosinfo:os id='http://debian.org/debian/12'/></libosinfo:libosinfo>"
        "<r:vm xmlns:r='https://rollo.dev/xmlns/libvirt/vm/1' id='42'/></metadata>"
        "<devices><serial type='pty'><target port='0'/></serial></devices>",
        "type='kvm' id='7'"));
    REQUIRE(xml);
    CHECK(xml->name == "web");
    CHECK(xml->id == 7);
    CHECK(xml->title == "Web & mail");
    CHECK(xml->os == "http://debian.org/debian/12");
    CHECK(xml->platformId == 42);
    CHECK(xml->console);
}

TEST_CASE("what the XML does not say stays empty") {
    const auto xml = readDomainXml(domain(""));
    REQUIRE(xml);
    CHECK(xml->id == -1);
    CHECK_FALSE(xml->title);
    CHECK_FALSE(xml->os);
    CHECK_FALSE(xml->platformId);
    CHECK_FALSE(xml->console);
}

TEST_CASE("only a positive integer that JSON keeps is an id") {
    CHECK(readDomainXml(withId("1"))->platformId == 1);
    CHECK(readDomainXml(withId("9007199254740991"))->platformId == largestVmId);
    for (const char* bad : {"", "0", "-1", "+1", " 1", "1 ", "1.0", "0x10", "one",
                            "9007199254740992", "18446744073709551617"})
        CHECK_FALSE(readDomainXml(withId(bad))->platformId);
}

TEST_CASE("an id in another namespace, or in none, is not ours") {
    CHECK_FALSE(readDomainXml(domain("<metadata><vm id='5'/></metadata>"))->platformId);
    CHECK_FALSE(
        readDomainXml(domain("<metadata><vm xmlns='https://other.example/' id='5'/></metadata>"))
            ->platformId);
}

TEST_CASE("the metadata may say that the agent stays attached") {
    const auto always = [](const std::string& attribute) {
        return readDomainXml(domain("<metadata><r:vm xmlns:r='" + std::string(metadataNamespace) +
                                    "' " + attribute + "/></metadata>"))
            ->attachAlways;
    };
    CHECK(always("console='always'") == true);
    CHECK(always("console='on_demand'") == false);
    for (const char* bad : {"", "console=''", "console='Always'", "console='yes'"})
        CHECK_FALSE(always(bad));
}

TEST_CASE("only a pseudo terminal makes a console") {
    const auto console = [](const std::string& device) {
        return readDomainXml(domain("<devices>" + device + "</devices>"))->console;
    };
    CHECK(console("<console type='pty'/>"));
    CHECK(console("<serial type='unix'/><console type='pty'/>"));
    CHECK_FALSE(console("<serial type='unix'/>"));
    CHECK_FALSE(console("<channel type='pty'/>"));
}

TEST_CASE("text that is no domain is refused") {
    for (const char* bad :
         {"", "x", "<domain>", "<domain/>", "<network><name>a</name></network>",
          "<domain><name>a</domain>", "<domain xmlns='urn:x'><name>a</name></domain>"})
        CHECK_FALSE(readDomainXml(bad));
    CHECK_FALSE(readDomainXml(std::string("<domain><name>a</name>\0</domain>", 33)));
    CHECK_FALSE(readDomainXml(std::string(100'000, '<')));
}

TEST_CASE("entities neither read files nor grow without bound") {
    const rollo::tests::TemporaryFolder folder;
    const auto secret = folder.write("secret", "top secret");
    const auto external = readDomainXml("<!DOCTYPE domain [<!ENTITY x SYSTEM 'file://" + secret +
                                        "'>]><domain><name>a&x;</name></domain>");
    if (external) CHECK(external->name.find("secret") == std::string::npos);

    std::string bomb = "<!DOCTYPE domain [<!ENTITY a0 'ha'>";
    for (int i = 1; i <= 40; ++i) {
        const std::string inner = "&a" + std::to_string(i - 1) + ";";
        bomb += "<!ENTITY a" + std::to_string(i) + " '" + inner + inner + "'>";
    }
    bomb += "]><domain><name>&a40;</name></domain>";
    const auto exploded = readDomainXml(bomb);
    if (exploded) CHECK(exploded->name.size() < 1'000'000);
}

TEST_CASE("the host's UUID stands in the capabilities") {
    const auto uuid = readHostUuid(
        "<capabilities><host><uuid>ec5bae03-65e1-4b90-8a82-e23f112eadd9</uuid></host>"
        "</capabilities>");
    REQUIRE(uuid);
    CHECK(uuid->toString() == "ec5bae03-65e1-4b90-8a82-e23f112eadd9");
    CHECK_FALSE(readHostUuid("<capabilities><host/></capabilities>"));
    CHECK_FALSE(readHostUuid("<capabilities><host><uuid>x</uuid></host></capabilities>"));
    CHECK_FALSE(readHostUuid("nothing"));
}

TEST_CASE("disks that can have jobs are known by their targets") {
    const auto xml =
        readDomainXml(domain("<devices><disk type='file'><target dev='vda'/></disk>"
                             "<disk type='block' device='disk'><target dev='sdb'/></disk>"
                             "<disk type='file' device='cdrom'><target dev='sdc'/></disk>"
                             "<disk device='floppy'><target dev='fda'/></disk><disk/></devices>"));
    REQUIRE(xml);
    CHECK(xml->disks == std::vector<std::string>{"vda", "sdb"});
}
