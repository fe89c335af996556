// SPDX-License-Identifier: Apache-2.0
#include "agent/core/principal.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/examples.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using rollo::proto::VmId;

namespace {

using Words = std::vector<std::string_view>;

Principal boundTo(std::vector<VmScope> vms) {
    Principal principal = Principal::anonymous();
    principal.vms = std::move(vms);
    return principal;
}

}  // namespace

TEST_CASE("roles grant what the table of permissions says") {
    CHECK(permissionsOfRole("viewer")->words() == Words{"vm:view", "server:view"});
    CHECK(permissionsOfRole("operator")->words() ==
          Words{"vm:view", "server:view", "console:read", "console:write"});
    CHECK(permissionsOfRole("admin")->words() == Words{"vm:view", "server:view", "console:read",
                                                       "console:write", "console:force",
                                                       "stats:view", "events:publish"});
}

TEST_CASE("a role that there is not grants nothing") {
    for (const auto* role : {"", "anonymous", "Admin", "admin ", "root"})
        CHECK_FALSE(permissionsOfRole(role));
}

TEST_CASE("permissions are known by their words alone") {
    for (const auto word : permissionsOfRole("admin")->words()) {
        Permissions one;
        one.add(*permission(word));
        CHECK(one.words() == Words{word});
    }
    for (const auto* word : {"", "vm", "vm:", "vm:view ", "VM:VIEW", "vm:*", "*"})
        CHECK_FALSE(permission(word));
}

TEST_CASE("nobody in particular may look, and no more") {
    const Principal anonymous = Principal::anonymous();
    CHECK_FALSE(anonymous.user);
    CHECK(anonymous.role == "anonymous");
    CHECK(anonymous.permissions == *permissionsOfRole("viewer"));
    CHECK(anonymous.mayView(vm(1)));
    CHECK(anonymous.mayViewServer());
    CHECK(anonymous.mayViewUntied());
    CHECK_FALSE(anonymous.expiresAt);
}

TEST_CASE("without the permission nothing is visible") {
    Principal principal = Principal::anonymous();
    principal.permissions = {};
    CHECK_FALSE(principal.mayView(vm(1)));
    CHECK_FALSE(principal.mayViewServer());
    CHECK_FALSE(principal.mayViewUntied());
    principal.permissions.add(Permission::serverView);
    CHECK(principal.mayViewServer());
    CHECK_FALSE(principal.mayView(vm(1)));
    CHECK_FALSE(principal.mayViewUntied());
}

TEST_CASE("a scope by UUID or name shows these VMs") {
    const Principal principal = boundTo({uuid(1), std::string("web")});
    CHECK(principal.mayView(vm(1, "any")));
    CHECK(principal.mayView(vm(2, "web")));
    CHECK_FALSE(principal.mayView(vm(3, "db")));
    CHECK_FALSE(principal.mayView(vm(3, "WEB")));
    CHECK_FALSE(principal.mayView(vm(3, "web2")));
}

TEST_CASE("a scope by integer matches an id of the platform alone") {
    const Principal principal = boundTo({VmId{5}});
    CHECK(principal.mayView(vm(5, "web", true)));
    CHECK_FALSE(principal.mayView(vm(5, "web", false)));
    CHECK_FALSE(principal.mayView(vm(6, "5", true)));
}

TEST_CASE("a name that looks like a number is no id") {
    const Principal principal = boundTo({std::string("5")});
    CHECK_FALSE(principal.mayView(vm(5, "web")));
    CHECK(principal.mayView(vm(6, "5")));
}

TEST_CASE("a principal bound to VMs hears nothing of the server and nothing untied") {
    const Principal principal = boundTo({uuid(1)});
    CHECK_FALSE(principal.mayViewServer());
    CHECK_FALSE(principal.mayViewUntied());
}

TEST_CASE("an empty scope shows no VM at all") {
    CHECK_FALSE(boundTo({}).mayView(vm(1)));
    CHECK_FALSE(boundTo({}).mayViewServer());
}

TEST_CASE("a scope without the permission shows nothing") {
    Principal principal = boundTo({uuid(1)});
    principal.permissions = {};
    CHECK_FALSE(principal.mayView(vm(1)));
}

TEST_CASE("who has several roles has what all of them grant, and is shown by the greatest") {
    for (const auto& order :
         {std::vector{"viewer", "admin", "operator"}, std::vector{"admin", "operator", "viewer"}}) {
        Principal principal;
        principal.role.clear();
        for (const auto* role : order) CHECK(principal.addRole(role));
        CHECK_FALSE(principal.addRole("emperor"));
        CHECK(principal.role == "admin");
        CHECK(principal.permissions == *permissionsOfRole("admin"));
    }
}
