// SPDX-License-Identifier: Apache-2.0
#include "agent/server/allowed_hosts.hpp"

#include <doctest/doctest.h>

using rollo::server::AllowedHosts;

TEST_CASE("literal addresses and localhost are always allowed, with any port") {
    const AllowedHosts hosts;
    for (const auto* host :
         {"127.0.0.1", "127.0.0.1:8780", "192.0.2.7:1", "[::1]:8780", "[2001:db8::1]", "localhost",
          "LOCALHOST:8780", "localhost.", "dash.localhost"})
        CHECK_MESSAGE(hosts.allows(host), host);
}

TEST_CASE("other names are not") {
    const AllowedHosts hosts;
    for (const auto* host :
         {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost", "",
          "localhost,evil.example", "evil.example:8780", "2130706433", "0x7f000001"})
        CHECK_MESSAGE(!hosts.allows(host), host);
}

TEST_CASE("listed names are, whatever their case and port") {
    const AllowedHosts hosts({"KVM1.example.org", "kvm1"});
    CHECK(hosts.allows("kvm1.example.org:8780"));
    CHECK(hosts.allows("Kvm1"));
    CHECK_FALSE(hosts.allows("kvm2.example.org"));
    CHECK_FALSE(hosts.allows("x.kvm1.example.org"));
    CHECK(hosts.allows("localhost"));
}

TEST_CASE("a star stands for the names below, or for any name") {
    const AllowedHosts below({"*.example.org"});
    CHECK(below.allows("kvm1.example.org"));
    CHECK(below.allows("a.b.example.org:80"));
    CHECK_FALSE(below.allows("example.org"));
    CHECK_FALSE(below.allows("evilexample.org"));
    CHECK_FALSE(below.allows("kvm1.example.org.evil.example"));
    CHECK(AllowedHosts({"*"}).allows("evil.example"));
}

TEST_CASE("what may stand in the list") {
    for (const auto* entry : {"kvm1", "kvm1.example.org", "*.example.org", "*", "192.0.2.1"})
        CHECK_MESSAGE(AllowedHosts::isEntry(entry), entry);
    for (const auto* entry : {"", "kvm1:8780", "http://kvm1", "*.", "a.*", "**", "kvm1/", "a b"})
        CHECK_MESSAGE(!AllowedHosts::isEntry(entry), entry);
}
