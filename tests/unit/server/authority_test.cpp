// SPDX-License-Identifier: Apache-2.0
#include "agent/server/authority.hpp"

#include <doctest/doctest.h>

using rollo::server::Authority;

namespace {

/// Host, `|`, port; with `!` where the host is a literal address.
std::string parts(std::string_view text) {
    const auto authority = Authority::parse(text);
    if (!authority) return "none";
    return (authority->literal ? "!" : "") + authority->host + "|" +
           (authority->port ? std::to_string(*authority->port) : "");
}

}  // namespace

TEST_CASE("names are compared in lower case and without the root's dot") {
    CHECK(parts("Kvm1.Example.ORG") == "kvm1.example.org|");
    CHECK(parts("kvm1.example.org.:8780") == "kvm1.example.org|8780");
    CHECK(parts("a_b-c") == "a_b-c|");
}

TEST_CASE("literal addresses are told from names") {
    CHECK(parts("127.0.0.1:80") == "!127.0.0.1|80");
    CHECK(parts("[::1]") == "!::1|");
    CHECK(parts("[2001:DB8::1]:443") == "!2001:db8::1|443");
    CHECK(parts("1.2.3") == "1.2.3|");
    CHECK(parts("127.0.0.1.evil.example") == "127.0.0.1.evil.example|");
}

TEST_CASE("an empty port is none") {
    CHECK(parts("localhost:") == "localhost|");
}

TEST_CASE("what is no authority") {
    for (const auto* text :
         {"",     ":80",       ".",           "..",         ".a",          "a b",     "a,b",
          "a/b",  "user@host", "host:x",      "host:80:80", "host:65536",  "host:-1", "::1",
          "[::1", "[::1]x",    "[localhost]", "[]",         "[127.0.0.1]", "a\r\nb",  "h\xc3\xb6st",
          "a..%"})
        CHECK_MESSAGE(parts(text) == "none", text);
    CHECK(parts(std::string(254, 'a')) == "none");
    CHECK(parts(std::string_view("a\0b", 3)) == "none");
    CHECK(parts(std::string_view("[::1\0.evil.example]", 19)) == "none");
}
