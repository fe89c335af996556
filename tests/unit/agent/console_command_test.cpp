// SPDX-License-Identifier: Apache-2.0
#include "agent/console_command.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "agent/console_setup.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo::agent;
using namespace std::chrono_literals;
using rollo::tests::TemporaryFolder;

namespace {

struct Setting {
    TemporaryFolder folder;
    ConfigSource source{folder.write("agent.toml", ""), {}};
    std::string path = folder / "conf.d/console.toml";

    bool enabled() const {
        const auto loaded = loadConfig(source);
        REQUIRE(loaded);
        return loaded->config.console.enabled;
    }
    std::string failure(bool enable = true) const {
        try {
            switchConsoles(source, enable);
            return "";
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    }
    mode_t mode(const std::string& of) const {
        struct stat status{};
        REQUIRE(stat(of.c_str(), &status) == 0);
        return status.st_mode & 07777;
    }
};

}  // namespace

TEST_CASE("consoles are switched on and off, and the agent reads that") {
    const Setting setting;
    CHECK_FALSE(setting.enabled());
    CHECK(switchConsoles(setting.source, true) ==
          setting.path +
              ": serial consoles are switched on\n"
              "An agent that runs takes it over when it gets SIGHUP (systemctl reload "
              "rollo-agent).\n");
    CHECK(setting.enabled());
    CHECK(switchConsoles(setting.source, true).find("switched on") != std::string::npos);
    CHECK(switchConsoles(setting.source, false).find("switched off") != std::string::npos);
    CHECK_FALSE(setting.enabled());
    // Nothing is left over beside it.
    const auto entries = std::filesystem::directory_iterator(setting.folder / "conf.d");
    CHECK(std::distance(begin(entries), end(entries)) == 1);
}

TEST_CASE("everybody may read the switch, whatever the umask") {
    const Setting setting;
    const mode_t before = umask(077);
    switchConsoles(setting.source, true);
    umask(before);
    CHECK(setting.mode(setting.path) == 0644);
    CHECK(setting.mode(setting.folder / "conf.d") == 0755);
}

TEST_CASE("a folder that is there stays as it is") {
    const Setting setting;
    setting.folder.write("conf.d/other.toml", "[auth]\nanonymous = true\n");
    REQUIRE(chmod((setting.folder / "conf.d").c_str(), 0750) == 0);
    switchConsoles(setting.source, true);
    CHECK(setting.mode(setting.folder / "conf.d") == 0750);
    CHECK(setting.enabled());
}

TEST_CASE("what the configuration file itself says is overridden") {
    const Setting setting;
    setting.folder.write("agent.toml", "[console]\nenabled = false\n");
    setting.folder.write("conf.d/a.toml", "[console]\nenabled = false\n");
    CHECK(consoleStatus(setting.source) ==
          "serial consoles are switched off by " + (setting.folder / "conf.d/a.toml") + "\n");
    switchConsoles(setting.source, true);
    CHECK(setting.enabled());
}

TEST_CASE("where something that counts more says it, nothing is written and that is named") {
    Setting setting;
    const std::string later =
        setting.folder.write("conf.d/zz.toml", "[console]\nenabled = false\n");
    for (const bool enable : {true, false})
        CHECK(setting.failure(enable) == setting.path + ": would not count: " + later +
                                             " sets console.enabled after it; change it there");
    CHECK_FALSE(std::filesystem::exists(setting.path));
    setting.folder.write("conf.d/zz.toml", "[console]\nattach = \"always\"\n");
    CHECK(setting.failure().empty());
    setting.source.environment["ROLLO_CONSOLE_ENABLED"] = "false";
    CHECK(setting.failure() ==
          setting.path +
              ": would not count: the environment variable ROLLO_CONSOLE_ENABLED sets "
              "console.enabled after it; change it there");
}

TEST_CASE("a file that somebody has written is not replaced") {
    const Setting setting;
    const std::string theirs = "[console]\nenabled = false\nattach = \"always\"\n";
    setting.folder.write("conf.d/console.toml", theirs);
    CHECK(setting.failure() ==
          setting.path +
              ": has more in it than this command writes; set enabled under [console] there");
    CHECK(setting.folder.read("conf.d/console.toml") == theirs);
}

TEST_CASE("a folder that cannot be made is named") {
    const Setting setting;
    setting.folder.write("conf.d", "a file");
    CHECK(setting.failure() == setting.path + ": Not a directory");
}

TEST_CASE("the status says what decides") {
    Setting setting;
    CHECK(consoleStatus(setting.source) ==
          "serial consoles are switched off: nothing sets console.enabled\n");
    switchConsoles(setting.source, true);
    CHECK(consoleStatus(setting.source) ==
          "serial consoles are switched on by " + setting.path + "\n");
    setting.source.environment["ROLLO_CONSOLE_ENABLED"] = "false";
    CHECK(consoleStatus(setting.source) ==
          "serial consoles are switched off by the environment variable ROLLO_CONSOLE_ENABLED\n");
}

TEST_CASE("every key about consoles comes to where it is used") {
    ConsoleConfig config;
    const auto defaults = consoleSettings(config);
    const rollo::core::ConsoleSettings own;
    CHECK(defaults.enabled == own.enabled);
    CHECK(defaults.linger == own.linger);
    CHECK(defaults.scrollback.bytes == own.scrollback.bytes);
    CHECK(defaults.scrollback.bootBytes == own.scrollback.bootBytes);
    CHECK(defaults.totalBytes == own.totalBytes);
    CHECK(defaults.maxAttached == own.maxAttached);
    CHECK(defaults.maxPerUser == own.maxPerUser);
    CHECK(defaults.input.perSecond == own.input.perSecond);
    CHECK(defaults.input.burst == own.input.burst);
    CHECK(defaults.inputQueueBytes == own.inputQueueBytes);
    CHECK(defaults.viewerWindowBytes == own.viewerWindowBytes);
    CHECK(defaults.leaseIdle == own.leaseIdle);
    config = {true, true, 1s, 2, 3, 4, 5, 11, 6, 7, 8, 9, 10s};
    const auto settings = consoleSettings(config);
    CHECK(settings.enabled);
    CHECK(settings.attachAlways);
    CHECK(settings.linger == 1s);
    CHECK(settings.scrollback.bytes == 2);
    CHECK(settings.scrollback.bootBytes == 3);
    CHECK(settings.totalBytes == 4);
    CHECK(settings.maxAttached == 5);
    CHECK(settings.maxPerUser == 11);
    CHECK(settings.input.perSecond == 6);
    CHECK(settings.input.burst == 7);
    CHECK(settings.inputQueueBytes == 8);
    CHECK(settings.viewerWindowBytes == 9);
    CHECK(settings.leaseIdle == 10s);
}
