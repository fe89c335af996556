// SPDX-License-Identifier: Apache-2.0
#include "agent/polkit_rule.hpp"

#include <doctest/doctest.h>
#include <pwd.h>
#include <sys/stat.h>

#include <filesystem>
#include <stdexcept>

#include "unit/temporary_folder.hpp"

using namespace rollo::agent;
using rollo::tests::TemporaryFolder;

namespace {

struct Host {
    TemporaryFolder folder;
    PolkitPlace place{folder.path(), "nobody"};  // a user that every host has
    std::string file = folder / "50-rollo-agent.rules";

    std::string rule() const { return folder.read("50-rollo-agent.rules"); }
    bool isThere() const { return std::filesystem::exists(std::filesystem::symlink_status(file)); }
};

template <class Function>
std::string failure(Function&& function) {
    try {
        function();
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the rule is installed, says what it grants, and is removed") {
    const Host host;
    CHECK(libvirtGrant(host.place) == host.file + ": there is no polkit rule\n");
    const std::string told = grantLibvirt(host.place);
    for (const char* part : {"org.libvirt.unix.manage", "as good as root", "the user nobody",
                             "nothing smaller", "console disable"})
        CHECK_MESSAGE(has(told, part), part);
    CHECK(told.starts_with(host.file + ": "));
    CHECK(host.rule() == polkitRule("nobody"));
    struct stat status{};
    REQUIRE(stat(host.file.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0644);
    CHECK(libvirtGrant(host.place) ==
          host.file + ": polkit lets the user nobody manage libvirt, which is as good as root\n");
    CHECK(has(revokeLibvirt(host.place), "removed"));
    CHECK_FALSE(host.isThere());
    CHECK(has(revokeLibvirt(host.place), "there is no polkit rule"));
    CHECK(std::filesystem::is_empty(host.folder.path()));
}

TEST_CASE("a rule for another user gives way to the new one, and is removed by any name") {
    const Host host;
    host.folder.write("50-rollo-agent.rules", polkitRule("somebody"));
    CHECK(has(libvirtGrant(host.place), "the user somebody"));
    grantLibvirt(host.place);
    CHECK(host.rule() == polkitRule("nobody"));
    CHECK(has(revokeLibvirt({host.folder.path(), "gone"}), "the user nobody"));
    CHECK_FALSE(host.isThere());
}

TEST_CASE("what somebody else has written there stays") {
    const Host host;
    for (const std::string& theirs :
         {std::string("// mine\n"), polkitRule("nobody") + "// and more\n",
          std::string("subject.user == \""), std::string()}) {
        host.folder.write("50-rollo-agent.rules", theirs);
        const std::string why = host.file + ": is not what this command writes, and stays as it is";
        CHECK(failure([&] { grantLibvirt(host.place); }) == why);
        CHECK(failure([&] { revokeLibvirt(host.place); }) == why);
        CHECK(libvirtGrant(host.place) == why + "\n");
        CHECK(host.rule() == theirs);
    }
}

TEST_CASE("where the folder or the user is missing it says so and does nothing") {
    const Host host;
    const PolkitPlace nowhere{host.folder / "none", "nobody"};
    CHECK(has(grantLibvirt(nowhere), "there is no folder " + nowhere.folder));
    CHECK(has(grantLibvirt(nowhere), "No polkit rule was installed"));
    CHECK(has(revokeLibvirt(nowhere), "there is no polkit rule"));
    CHECK(has(libvirtGrant(nowhere), "there is no polkit rule"));
    CHECK_FALSE(std::filesystem::exists(nowhere.folder));
    const PolkitPlace unknown{host.folder.path(), "no-such-user"};
    CHECK(has(grantLibvirt(unknown), "there is no user no-such-user"));
    CHECK(std::filesystem::is_empty(host.folder.path()));
}

TEST_CASE("a name that would be more than a name in the rule is refused") {
    const Host host;
    for (const char* name : {"", "x\" || \"\" == \"", "a\nb", "a\\", "a b"})
        CHECK_MESSAGE(has(failure([&] { grantLibvirt({host.folder.path(), name}); }), "--user"),
                      name);
    CHECK(std::filesystem::is_empty(host.folder.path()));
}
