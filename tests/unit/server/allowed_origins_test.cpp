// SPDX-License-Identifier: Apache-2.0
#include "agent/server/allowed_origins.hpp"

#include <doctest/doctest.h>

using rollo::server::AllowedOrigins;
using Kind = AllowedOrigins::Kind;

namespace {

Kind judge(std::string origin, std::string host, std::vector<std::string> listed = {},
           bool tls = false) {
    return AllowedOrigins(listed).judge(&origin, &host, tls);
}

}  // namespace

TEST_CASE("without an Origin there is no page") {
    const std::string host = "kvm1";
    CHECK(AllowedOrigins().judge(nullptr, &host, false) == Kind::none);
    CHECK(AllowedOrigins().judge(nullptr, nullptr, true) == Kind::none);
}

TEST_CASE("the page of the server itself is of the same origin") {
    CHECK(judge("http://kvm1:8780", "kvm1:8780") == Kind::same);
    CHECK(judge("http://KVM1", "kvm1") == Kind::same);
    CHECK(judge("http://kvm1", "kvm1:80") == Kind::same);
    CHECK(judge("http://[::1]:8780", "[::1]:8780") == Kind::same);
    CHECK(judge("https://kvm1", "kvm1") == Kind::same);  // behind a proxy
}

TEST_CASE("another host, port or scheme is another origin") {
    CHECK(judge("http://kvm2:8780", "kvm1:8780") == Kind::foreign);
    CHECK(judge("http://kvm1:8781", "kvm1:8780") == Kind::foreign);
    CHECK(judge("http://kvm1", "kvm1:8780") == Kind::foreign);
    CHECK(judge("https://kvm1", "kvm1:80") == Kind::foreign);
    CHECK(judge("ftp://kvm1", "kvm1") == Kind::foreign);
    CHECK(judge("http://kvm1.evil.example", "kvm1") == Kind::foreign);
}

TEST_CASE("a page without TLS is not of the origin of a server with it") {
    CHECK(judge("http://kvm1:8743", "kvm1:8743", {}, true) == Kind::foreign);
    CHECK(judge("https://kvm1:8743", "kvm1:8743", {}, true) == Kind::same);
}

TEST_CASE("what is no origin is foreign") {
    for (const auto* origin : {"null", "", "kvm1", "://kvm1", "http://", "http://kvm1/",
                               "http://kvm1 http://evil.example", "http://user@kvm1", "1http://a"})
        CHECK_MESSAGE(judge(origin, "kvm1") == Kind::foreign, origin);
}

TEST_CASE("listed origins are exact, but for case and the scheme's own port") {
    const std::vector<std::string> listed = {"https://dash.example.org", "http://a:81"};
    CHECK(judge("https://dash.example.org", "kvm1", listed) == Kind::listed);
    CHECK(judge("https://dash.example.org:443", "kvm1", listed) == Kind::listed);
    CHECK(judge("http://A:81", "kvm1", listed) == Kind::listed);
    CHECK(judge("http://dash.example.org", "kvm1", listed) == Kind::foreign);
    CHECK(judge("https://x.dash.example.org", "kvm1", listed) == Kind::foreign);
    CHECK(judge("http://a", "kvm1", listed) == Kind::foreign);
    CHECK(judge("http://kvm1", "kvm1", listed) == Kind::same);
}

TEST_CASE("a star lets anybody in, and tells them from those that are listed") {
    CHECK(judge("https://evil.example", "kvm1", {"*"}) == Kind::anybody);
    CHECK(judge("null", "kvm1", {"*"}) == Kind::anybody);
    CHECK(judge("https://a", "kvm1", {"*", "https://a"}) == Kind::listed);
}

TEST_CASE("what may stand in the list of origins") {
    for (const auto* entry : {"https://a", "http://a:81", "http://[::1]:80", "*", "app://x"})
        CHECK_MESSAGE(AllowedOrigins::isEntry(entry), entry);
    for (const auto* entry : {"", "null", "a", "https://a/", "https://*.a", "https://a:99999"})
        CHECK_MESSAGE(!AllowedOrigins::isEntry(entry), entry);
}
