// SPDX-License-Identifier: Apache-2.0
#include "agent/config_checks.hpp"

#include <doctest/doctest.h>

#include "agent/config_loader.hpp"

using namespace rollo::agent;

namespace {

using Lines = std::vector<std::string>;

struct Checked {
    Lines errors;
    Lines warnings;
};

Checked check(std::string_view toml) {
    Config config;
    Checked checked;
    applyToml(toml, "f", config, checked.errors);
    REQUIRE(checked.errors == Lines{});
    checkTogether(config, checked.errors, checked.warnings);
    return checked;
}

bool has(const Lines& lines, std::string_view part) {
    return lines.size() == 1 && lines[0].find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("what this host alone can reach needs no TLS") {
    const auto checked = check(R"(
[server]
listen = ["127.0.0.1:1", "127.8.9.10:1", "[::1]:1", "[::ffff:127.0.0.1]:2", "unix:/a"])");
    CHECK(checked.errors.empty());
    CHECK(checked.warnings.empty());
}

TEST_CASE("no TLS beyond loopback is an error that says what to do, one for each address") {
    for (const char* address :
         {"0.0.0.0:80", "[::]:80", "192.0.2.1:80", "[2001:db8::1]:80", "126.255.255.255:80",
          "128.0.0.1:80", "[::2]:80", "[::ffff:192.0.2.1]:80"}) {
        CAPTURE(address);
        const auto listen = fmt::format("[server]\nlisten = [\"127.0.0.1:1\", \"{}\"]", address);
        const auto checked = check(listen);
        CHECK(has(checked.errors,
                  fmt::format("server.listen: \"{0}\" would be without TLS beyond this host; "
                              "write \"tls:{0}\"",
                              address)));
        CHECK(has(checked.errors, "server.allow_unencrypted = true"));
        CHECK(checked.warnings.empty());
        const auto allowed = check(listen + "\nallow_unencrypted = true");
        CHECK(allowed.errors.empty());
        CHECK(has(allowed.warnings, fmt::format("between \"{}\" and its clients", address)));
    }
    CHECK(check("server.listen = [\"0.0.0.0:1\", \"[::]:1\"]").errors.size() == 2);
    CHECK(check("server.listen = [\"tls:0.0.0.0:1\"]\n"
                "tls.certificate_file = \"/c\"\ntls.key_file = \"/k\"")
              .errors.empty());
}

TEST_CASE("a proxy's socket is one where clients connect") {
    const auto with = [](std::string_view proxy) {
        return check(fmt::format("[server]\nlisten = [\"unix:/run/a\"]\n"
                                 "trusted_proxies = [\"192.0.2.0/24\", \"unix:{}\"]\n"
                                 "[publish]\nsocket = \"/run/p\"",
                                 proxy))
            .errors;
    };
    CHECK(with("/run/a").empty());
    for (const char* other : {"/run/b", "/run/p"})
        CHECK(with(other) == Lines{fmt::format("server.trusted_proxies: \"unix:{}\" does not "
                                               "stand in server.listen",
                                               other)});
}
