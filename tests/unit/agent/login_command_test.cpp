// SPDX-License-Identifier: Apache-2.0
#include "agent/login_command.hpp"

#include <doctest/doctest.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <stdexcept>

#include "agent/auth_setup.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::agent;
using namespace std::chrono_literals;
using rollo::tests::TemporaryFolder;
using server::ListenAddress;

namespace {

struct Setting {
    TemporaryFolder folder;
    Config config;
    common::Now now = common::readClocks();

    Setting() { config.auth.hs256SecretFile = folder.write("secret", std::string(40, 's')); }

    void listen(std::initializer_list<const char*> entries) {
        config.server.listen.clear();
        for (const char* entry : entries)
            config.server.listen.push_back(*ListenAddress::parse(entry));
    }
    LoginLink link(const LoginOptions& options = {}) const {
        return makeLoginLink(options, config, "host.example", now.wall);
    }
    /// What stands before the token.
    std::string address() const {
        const std::string whole = link().address;
        return whole.substr(0, whole.find("#token="));
    }
    std::string error(const LoginOptions& options = {}) const {
        try {
            link(options);
            return "";
        } catch (const std::runtime_error& failure) {
            return failure.what();
        }
    }
    core::Principal principal(const LoginOptions& options) const {
        const std::string whole = link(options).address;
        const auto verified =
            makeVerifier(config.auth)
                .verify(std::string_view(whole).substr(whole.find("#token=") + 7), now);
        REQUIRE(verified);
        return *verified;
    }
};

}  // namespace

TEST_CASE("a link leads to the first listener that a browser can open") {
    Setting setting;
    CHECK(setting.address() == "http://127.0.0.1:8780/");
    setting.listen({"unix:/run/a.sock", "192.0.2.1:80", "127.0.0.1:81"});
    CHECK(setting.address() == "http://192.0.2.1:80/");
    setting.listen({"[2001:db8::1]:8780"});
    CHECK(setting.address() == "http://[2001:db8::1]:8780/");
    setting.listen({"[::ffff:192.0.2.1]:8780"});
    CHECK(setting.address() == "http://192.0.2.1:8780/");
}

TEST_CASE("every address of the host is called by the host's name") {
    Setting setting;
    for (const char* every : {"0.0.0.0:8780", "[::]:8780", "[::ffff:0.0.0.0]:8780"}) {
        setting.listen({every});
        CHECK(setting.address() == "http://host.example:8780/");
    }
}

TEST_CASE("where no browser can go there is no link") {
    Setting setting;
    setting.listen({"unix:/run/a.sock"});
    CHECK(setting.error() ==
          "server.listen has UNIX sockets alone, which no browser can open; "
          "add an address such as \"127.0.0.1:8780\"");
    setting.listen({"127.0.0.1:0"});
    CHECK(
        setting.error() ==
        "server.listen: the port of \"127.0.0.1:0\" is chosen when the agent starts; give it one");
}

TEST_CASE("the token is for an operator, for a quarter of an hour") {
    const Setting setting;
    const auto principal = setting.principal({});
    CHECK(principal.user == invokingUser());
    CHECK(principal.role == "operator");
    CHECK(*principal.expiresAt <= setting.now.wall + 15min);
    CHECK(*principal.expiresAt > setting.now.wall + 15min - 1s);
}

TEST_CASE("name, role and lifetime can be chosen, within a day") {
    const Setting setting;
    const LoginOptions options{.subject = "ann", .role = "viewer", .lifetime = "24h"};
    const auto principal = setting.principal(options);
    CHECK(principal.user == "ann");
    CHECK(principal.role == "viewer");
    CHECK(*principal.expiresAt > setting.now.wall + 24h - 1s);
    CHECK(setting.error({.subject = "ann", .lifetime = "86401"}) ==
          "a link is good for a day at most; rollo-agent token makes tokens that last");
    CHECK(setting.error({.lifetime = "soon"}).starts_with("a lifetime is a number"));
    CHECK(setting.error({.role = "king"}) == "unknown role king: viewer, operator or admin");
    CHECK(setting.error({.subject = ""}).starts_with("no usable token"));
}

TEST_CASE("the hint says who is let in for how long, and never the token") {
    Setting setting;
    const auto hint = [&] { return setting.link({.subject = "ann", .lifetime = "5m"}).hint; };
    const std::string plain = "whoever opens this within 5m is let in as ann (operator)";
    CHECK(hint() == plain);
    setting.listen({"[::1]:8780"});
    CHECK(hint() == plain);
    for (const char* far : {"192.0.2.1:8780", "0.0.0.0:8780", "[::]:8780"}) {
        setting.listen({far});
        CHECK(hint() == plain + "; the way there is not encrypted");
    }
}

TEST_CASE("the one who asks is the user, behind sudo the caller") {
    unsetenv("SUDO_USER");
    const passwd* entry = getpwuid(getuid());
    const std::string self = entry ? entry->pw_name : "uid " + std::to_string(getuid());
    CHECK(invokingUser() == self);
    setenv("SUDO_USER", "ann", 1);
    CHECK(invokingUser() == (geteuid() == 0 ? "ann" : self));
    setenv("SUDO_USER", "", 1);
    CHECK(invokingUser() == self);
    unsetenv("SUDO_USER");
}
