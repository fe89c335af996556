// SPDX-License-Identifier: Apache-2.0
#include "agent/config_clients.hpp"

#include <doctest/doctest.h>

#include "agent/config_changes.hpp"
#include "agent/config_checks.hpp"
#include "agent/config_loader.hpp"

using namespace rollo;
using namespace rollo::agent;

namespace {

using Lines = std::vector<std::string>;
using Words = std::vector<std::string_view>;

Lines errorsOf(std::string_view toml) {
    Config config;
    Lines errors;
    applyToml(toml, "f", config, errors);
    return errors;
}

Config read(std::string_view toml) {
    Config config;
    Lines errors;
    applyToml(toml, "f", config, errors);
    REQUIRE(errors == Lines{});
    return config;
}

/// What is wrong with one key of a client that is fine without it.
std::string wrong(std::string_view key, std::string_view value) {
    const auto errors =
        errorsOf(fmt::format("[tls.clients.\"a\"]\nrole = \"viewer\"\n{} = {}\n", key, value));
    return errors.size() == 1 ? errors[0] : fmt::format("{} errors", errors.size());
}

}  // namespace

TEST_CASE("a client's table says who it is") {
    const auto clients = read(R"(
[tls.clients."prometheus.example.org"]
role = "admin"
[tls.clients."ops@example.org"]
roles = ["operator", "viewer"]
[tls.clients.alone]
permissions = ["vm:view", "console:read"]
[tls.clients.both]
role = "admin"
permissions = ["stats:view"]
vms = ["web", 7, "00000000-0000-4000-8000-000000000001"]
)")
                             .tls.clients;
    CHECK(clients.size() == 4);
    CHECK(clients.at("prometheus.example.org").role == "admin");
    CHECK(clients.at("prometheus.example.org").permissions == *core::permissionsOfRole("admin"));
    CHECK_FALSE(clients.at("prometheus.example.org").vms);
    CHECK(clients.at("ops@example.org").role == "operator");
    CHECK(clients.at("ops@example.org").permissions == *core::permissionsOfRole("operator"));
    CHECK(clients.at("alone").role == "");
    CHECK(clients.at("alone").permissions.words() == Words{"vm:view", "console:read"});
    CHECK(clients.at("both").permissions.words() == Words{"stats:view"});
    CHECK(clients.at("both").vms ==
          std::vector<core::VmScope>{"web", proto::VmId{7},
                                     *proto::Uuid::parse("00000000-0000-4000-8000-000000000001")});
    CHECK(read("[tls.clients.a]\nrole = \"viewer\"\nvms = []").tls.clients.at("a").vms->empty());
}

TEST_CASE("what is wrong in it is named, with its line") {
    CHECK(wrong("roles", "[\"root\"]") ==
          "f:3: tls.clients.\"a\".roles: must be \"viewer\", \"operator\" or \"admin\"");
    CHECK(wrong("roles", "\"viewer\"").find("a\".roles: must be") != std::string::npos);
    CHECK(wrong("permissions", "[\"vm:fly\"]") ==
          "f:3: tls.clients.\"a\".permissions: \"vm:fly\" is no permission");
    CHECK(wrong("permissions", "\"vm:view\"").find("must be a list") != std::string::npos);
    for (const char* vms : {"\"web\"", "[0]", "[-1]", "[1.5]", "[\"\"]", "[true]", "[[1]]"})
        CHECK(wrong("vms", vms) ==
              "f:3: tls.clients.\"a\".vms: must be a list of ids, UUIDs or names");
    CHECK(wrong("rolle", "1") ==
          "f:3: tls.clients.\"a\".rolle: unknown key; there are role, roles, permissions, vms");
    CHECK(errorsOf("[tls.clients.\"a\"]\nrole = 3").at(0) ==
          "f:2: tls.clients.\"a\".role: must be \"viewer\", \"operator\" or \"admin\"");
    CHECK(errorsOf("\n[tls.clients.\"a\"]\nvms = [1]") ==
          Lines{"f:2: tls.clients.\"a\": needs a role or permissions"});
    CHECK(errorsOf("[tls.clients]\na = 1") == Lines{"f:2: tls.clients.\"a\": must be a section"});
    CHECK(errorsOf("[tls.clients.\"\"]\nrole = \"viewer\"") ==
          Lines{"f:1: tls.clients.\"\": must be a name in a certificate"});
    CHECK(errorsOf("[tls]\nclients = 1") == Lines{"f:2: tls.clients: unknown key"});
}

TEST_CASE("a later file's client of the same name replaces the former") {
    Config config;
    Lines errors;
    applyToml("[tls.clients.a]\nrole = \"admin\"\nvms = [1]", "f", config, errors);
    applyToml("[tls.clients.a]\nrole = \"viewer\"\n[tls.clients.b]\nrole = \"viewer\"", "g", config,
              errors);
    CHECK(errors.empty());
    CHECK(config.tls.clients.size() == 2);
    CHECK(config.tls.clients.at("a").role == "viewer");
    CHECK_FALSE(config.tls.clients.at("a").vms);
}

TEST_CASE("a reload takes clients over and says what changed") {
    const Config before = read("[tls.clients.a]\nrole = \"viewer\"");
    const Config after = read("[tls.clients.a]\npermissions = [\"vm:view\"]\nvms = [1, \"web\"]");
    CHECK(changesBetween(before, after) ==
          std::vector<ConfigChange>{
              {"tls.clients.\"a\".permissions", "[\"vm:view\", \"server:view\"]", "[\"vm:view\"]"},
              {"tls.clients.\"a\".role", "\"viewer\"", "\"\""},
              {"tls.clients.\"a\".vms", "not set", "[1, \"web\"]"}});
    CHECK(changesBetween(reloaded(before, after), after).empty());
}

TEST_CASE("clients need authorities, and both need TLS") {
    const auto errors = [](std::string_view toml) {
        Lines found, warnings;
        checkTogether(read(toml), found, warnings);
        found.insert(found.end(), warnings.begin(), warnings.end());
        return found;
    };
    CHECK(errors("[tls.clients.a]\nrole = \"viewer\"") ==
          Lines{"tls.clients needs tls.client_ca_file"});
    CHECK(errors("[tls]\nclient_ca_file = \"/ca\"") ==
          Lines{"tls.client_ca_file is not used: server.listen has no tls: address"});
    CHECK(errors("[server]\nlisten = [\"tls:127.0.0.1:1\"]\n[tls]\ncertificate_file = \"/c\"\n"
                 "key_file = \"/k\"\nclient_ca_file = \"/ca\"\nclients.a.role = \"viewer\"")
              .empty());
}
