// SPDX-License-Identifier: Apache-2.0
#include "agent/config_loader.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "agent/auth_files.hpp"
#include "agent/config_changes.hpp"
#include "agent/config_text.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo::agent;
using namespace std::chrono_literals;
using rollo::tests::TemporaryFolder;

namespace {

using Lines = std::vector<std::string>;

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

}  // namespace

TEST_CASE("every key is read into its place") {
    const Config config = read(R"(
[agent]
server_id = 7
state_dir = "/s"
first_allotted_id = 5000
log_level = "trace"
core_dumps = true
[libvirt]
uri = "test:///default"
keepalive_interval_seconds = 2
keepalive_count = 4
max_stuck_calls = 6
[server]
listen = ["127.0.0.1:1", "[::1]:2", "unix:/run/x"]
allowed_hosts = ["kvm", "*.kvm"]
allowed_origins = ["https://dash"]
heartbeat_seconds = 9
max_message_bytes = 2048
queue_bytes = 100000
total_queue_bytes = 100000000
max_rules = 3
max_connections = 10
max_connections_per_address = 9
max_connections_per_user = 8
new_connections_per_second = 8
messages_per_second = 7
bytes_per_second = 6000
errors_per_minute = 5
request_seconds = 4
response_seconds = 3
auth_seconds = 2
exempt_networks = ["10.0.0.0/8"]
trusted_proxies = ["10.0.0.1", "unix:/run/x"]
allow_unencrypted = true
[tls]
certificate_file = "/c"
key_file = "/k"
client_ca_file = "/a"
[metrics]
interval_seconds = 300
balloon_period_seconds = 10
disk_path = "/d"
public = true
[console]
enabled = true
attach = "always"
linger_seconds = 1
scrollback_bytes = 4097
boot_bytes = 0
total_bytes = 1048577
max_attached = 2
max_per_user = 3
input_bytes_per_second = 3
input_burst_bytes = 4
input_queue_bytes = 1025
viewer_window_bytes = 4098
lease_idle_seconds = 5
[publish]
socket = "/run/publish"
max_bytes = 2048
events_per_second = 7

[auth]
anonymous = true
hs256_secret_file = "/k"
keys_dir = "/keys"
key_files = ["/k.es256.pem"]
jwks_file = "/j"
deny_file = "/deny"
issuer = "i"
audience = "a"
leeway_seconds = 0
max_lifetime_seconds = 60
failures_per_minute = 1
max_tickets_per_user = 2
)");
    CHECK(config.agent.serverId == 7);
    CHECK(config.agent.stateDir == "/s");
    CHECK(config.agent.firstAllottedId == 5000);
    CHECK(config.agent.logLevel == rollo::common::log::Level::trace);
    CHECK(config.agent.coreDumps);
    CHECK(config.libvirt.uri == "test:///default");
    CHECK(config.libvirt.keepAliveInterval == 2s);
    CHECK(config.libvirt.keepAliveCount == 4);
    CHECK(config.libvirt.maxStuckCalls == 6);
    REQUIRE(config.server.listen.size() == 3);
    CHECK(config.server.listen[1].text == "[::1]:2");
    CHECK(config.server.listen[2].path() == "/run/x");
    CHECK(config.server.heartbeat == 9s);
    CHECK(config.server.maxMessageBytes == 2048);
    CHECK(config.server.queueBytes == 100000);
    CHECK(config.server.totalQueueBytes == 100000000);
    CHECK(config.server.maxRules == 3);
    CHECK(config.server.maxConnections == 10);
    CHECK(config.metrics.interval == 300s);
    CHECK(config.metrics.balloonPeriod == 10s);
    CHECK(config.metrics.diskPath == "/d");
    CHECK(config.metrics.isPublic);
    CHECK(config.console.enabled);
    CHECK(config.console.attachAlways);
    CHECK(config.console.linger == 1s);
    CHECK(config.console.scrollbackBytes == 4097);
    CHECK(config.console.bootBytes == 0);
    CHECK(config.console.totalBytes == 1048577);
    CHECK(config.console.maxAttached == 2);
    CHECK(config.console.inputBytesPerSecond == 3);
    CHECK(config.console.inputBurstBytes == 4);
    CHECK(config.console.inputQueueBytes == 1025);
    CHECK(config.console.viewerWindowBytes == 4098);
    CHECK(config.console.leaseIdle == 5s);
    CHECK(config.auth.anonymous);
    CHECK(config.auth.hs256SecretFile == "/k");
    CHECK(config.auth.issuer == "i");
    CHECK(config.auth.audience == "a");
    CHECK(config.auth.leeway == 0s);
    CHECK(config.auth.keysDir == "/keys");
    CHECK(config.auth.keyFiles == std::vector<std::string>{"/k.es256.pem"});
    CHECK(config.auth.jwksFile == "/j");
    CHECK(config.auth.denyFile == "/deny");
    CHECK(config.auth.maxLifetime == 60s);
    CHECK(config.auth.failuresPerMinute == 1);
    CHECK(config.auth.maxTicketsPerUser == 2);
    CHECK(config.server.authTime == 2s);
    CHECK(config.server.maxConnectionsPerUser == 8);
    CHECK(config.server.trustedProxies.size() == 2);
    CHECK(config.server.allowUnencrypted);
    CHECK(config.tls.clientCaFile == "/a");
    CHECK(config.console.maxPerUser == 3);
    CHECK(config.publish.socket == "/run/publish");
    CHECK(config.publish.maxBytes == 2048);
    CHECK(config.publish.eventsPerSecond == 7);
    // All keys differ from their defaults here, so no key was forgotten; of alerts see there.
    CHECK(changesBetween(Config(), config).size() ==
          static_cast<std::size_t>(std::ranges::count_if(configOptions(), [](const auto& option) {
              return !option.section.starts_with("alerts.");
          })));
}

TEST_CASE("the socket for publishing has a path that a socket can have") {
    const std::string longest = "/" + std::string(106, 'x');
    CHECK(read(fmt::format("[publish]\nsocket = \"{}\"", longest)).publish.socket == longest);
    for (const std::string& wrong : {longest + "x", std::string("relative"), std::string()})
        CHECK(errorsOf(fmt::format("[publish]\nsocket = \"{}\"", wrong)) ==
              Lines{"f:2: publish.socket: must be an absolute path of at most 107 bytes"});
}

TEST_CASE("when consoles are attached is one of two words") {
    CHECK_FALSE(read("[console]\nattach = \"on_demand\"").console.attachAlways);
    for (const char* value : {"\"\"", "\"Always\"", "\"never\"", "true", "1", "[\"always\"]"})
        CHECK(errorsOf(fmt::format("[console]\nattach = {}", value)) ==
              Lines{"f:2: console.attach: must be \"on_demand\" or \"always\""});
}

TEST_CASE("everything about consoles can be changed by a reload") {
    for (const ConfigOption& option : configOptions())
        if (option.section == "console") CHECK(option.reloadable);
}

TEST_CASE("the printed default configuration says the defaults") {
    CHECK(changesBetween(Config(), read(defaultConfigText())).empty());
    for (const ConfigOption& option : configOptions()) {
        CAPTURE(option.name());
        CHECK(defaultConfigText().find(std::string(option.key) + " = ") != std::string::npos);
    }
}

TEST_CASE("each error names file, line and key, and all of them come at once") {
    CHECK(errorsOf("[server]\n\n"
                   "heartbeat = 3\n"
                   "max_rules = 0\n"
                   "[metric]\n"
                   "interval_seconds = 5\n"
                   "[auth]\n"
                   "anonymous = \"yes\"\n"
                   "issuer = \"\"\n"
                   "[agent]\n"
                   "server_id = 1.0\n"
                   "log_level = \"loud\"\n"
                   "state_dir = \"relative\"\n") ==
          Lines{"f:3: server.heartbeat: unknown key",
                "f:4: server.max_rules: must be an integer from 1 to 10000",
                "f:5: metric: unknown section", "f:8: auth.anonymous: must be true or false",
                "f:9: auth.issuer: must be a text",
                "f:11: agent.server_id: must be an integer from 1 to 9007199254740991",
                "f:12: agent.log_level: must be one of \"error\", \"warning\", \"notice\", "
                "\"info\", \"debug\", \"trace\"",
                "f:13: agent.state_dir: must be an absolute path"});
}

TEST_CASE("an error is one line, whatever the file has in it") {
    CHECK(errorsOf("[auth]\n\"a\\nb\" = 1\n") == Lines{"f:2: \"auth.a\\nb\": unknown key"});
    CHECK(errorsOf("[\"\\u0000\"]\n") == Lines{"f:1: \"\\u0000\": unknown section"});
    for (const Lines& errors :
         {errorsOf("[auth]\nanonymous = tr\x07e\n"), errorsOf("[auth]\nanonymous = tr\x1b[2J\n")}) {
        REQUIRE(errors.size() == 1);
        CHECK(std::ranges::none_of(errors[0],
                                   [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
    }
}

TEST_CASE("ranges hold at their edges") {
    CHECK(errorsOf("[metrics]\ninterval_seconds = 1").empty());
    CHECK(errorsOf("[metrics]\ninterval_seconds = 300").empty());
    const Lines wrong{"f:2: metrics.interval_seconds: must be an integer from 1 to 300"};
    CHECK(errorsOf("[metrics]\ninterval_seconds = 0") == wrong);
    CHECK(errorsOf("[metrics]\ninterval_seconds = 301") == wrong);
    CHECK(errorsOf("[metrics]\ninterval_seconds = -5") == wrong);
    CHECK(errorsOf("[metrics]\ninterval_seconds = \"5\"") == wrong);
    CHECK(errorsOf("[metrics]\ninterval_seconds = true") == wrong);
    CHECK(errorsOf("[metrics]\ninterval_seconds = [5]") == wrong);
    CHECK(errorsOf("[agent]\nserver_id = 0").size() == 1);
}

TEST_CASE("what is no TOML is an error with its line") {
    const Lines errors = errorsOf("[server]\nmax_rules = \n");
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].find("f:2: ") == 0);
    CHECK(errorsOf("[a]\n[a]\n")[0].find("f:2: ") == 0);
    CHECK(errorsOf("\n\n[server\n")[0].find("f:3: ") == 0);
    CHECK(errorsOf("x = 99999999999999999999\n")[0].find("f:1: ") == 0);
    CHECK(errorsOf("[auth]\nissuer = \"\xff\"\n") == Lines{"f: is not UTF-8"});
}

TEST_CASE("a key outside its section and a section that is none are errors") {
    CHECK(errorsOf("listen = []\n") == Lines{"f:1: listen: unknown section"});
    CHECK(errorsOf("server = 3\n") == Lines{"f:1: server: must be a section"});
    CHECK(errorsOf("[server.listen]\nx = 1\n").size() == 1);
    CHECK(errorsOf("[[auth]]\nanonymous = true\n").size() == 1);
    CHECK(read("auth.anonymous = true").auth.anonymous);
}

TEST_CASE("listen takes literal addresses, each once") {
    const auto wrong = [](std::string_view list) {
        const Lines errors = errorsOf("[server]\nlisten = " + std::string(list));
        return errors.size() == 1 ? errors[0] : "";
    };
    CHECK(wrong(R"(["0.0.0.0:80", "[::]:80", "unix:/a"])") == "");
    CHECK(wrong("\"127.0.0.1:80\"").find("f:2: server.listen: must be a list of") == 0);
    CHECK(wrong("[]").find("must be a list of") != std::string::npos);
    CHECK(wrong("[80]").find("must be a list of") != std::string::npos);
    for (const char* entry : {"localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                              "127.0.0.1:-1", "127.0.0.1:8x", "127.1:80", "::1:80", "[::1]",
                              "[127.0.0.1]:80", "unix:", "unix:relative", ":80", ""}) {
        CAPTURE(entry);
        CHECK(wrong(std::string("[\"") + entry + "\"]").find(" is no \"ADDRESS:PORT\"") !=
              std::string::npos);
    }
    CHECK(wrong(R"(["127.0.0.1:80\u0000"])").find(" is no ") != std::string::npos);
    CHECK(wrong(R"(["127.0.0.1:80", "127.0.0.1:81", "127.0.0.1:80"])") ==
          "f:2: server.listen: \"127.0.0.1:80\" is there twice");
    CHECK(wrong(R"(["[::1]:80", "[0:0::1]:80"])") ==
          "f:2: server.listen: \"[0:0::1]:80\" is there twice");
    CHECK(wrong(R"(["unix:/a", "unix:/b", "unix:/a"])") ==
          "f:2: server.listen: \"unix:/a\" is there twice");
}

TEST_CASE("conf.d follows the file in order of name, the environment comes last") {
    const TemporaryFolder folder;
    const std::string path = folder.write(
        "agent.toml", "[server]\nmax_rules = 1\nmax_connections = 1\nheartbeat_seconds = 1\n");
    folder.write("conf.d/20.toml", "[server]\nmax_rules = 20\n");
    folder.write("conf.d/10.toml", "[server]\nmax_rules = 10\nmax_connections = 10\n");
    folder.write("conf.d/30.toml.bak", "nonsense");
    folder.write("conf.d/.40.toml", "nonsense");
    folder.write("conf.d/README", "nonsense");
    const auto loaded = loadConfig({path, {{"ROLLO_SERVER_HEARTBEAT_SECONDS", "7"}}});
    REQUIRE(loaded);
    CHECK(loaded->config.server.maxRules == 20);
    CHECK(loaded->config.server.maxConnections == 10);
    CHECK(loaded->config.server.heartbeat == 7s);
}

TEST_CASE("errors of all files and of the environment come together") {
    const TemporaryFolder folder;
    const std::string path = folder.write("agent.toml", "[x]\n");
    const std::string second = folder.write("conf.d/1.toml", "\n[server]\nmax_rules = 0\n");
    const auto loaded = loadConfig({path, {{"ROLLO_AUTH_ANONYMOUS", "maybe"}}});
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error() ==
          Lines{path + ":1: x: unknown section",
                second + ":3: server.max_rules: must be an integer from 1 to 10000",
                "environment variable ROLLO_AUTH_ANONYMOUS: must be true or false"});
}

TEST_CASE("a file that cannot be read is an error that names it") {
    const TemporaryFolder folder;
    const std::string path = folder / "missing.toml";
    CHECK(loadConfig({path, {}}).error() == Lines{path + ": No such file or directory"});
    const std::string good = folder.write("agent.toml", "");
    std::filesystem::create_directories(folder / "conf.d/1.toml");
    CHECK(loadConfig({good, {}}).error() == Lines{(folder / "conf.d/1.toml") + ": Is a directory"});
}

TEST_CASE("a configuration that lets nobody in is warned about") {
    const TemporaryFolder folder;
    const auto warnings = [&](std::string_view toml) {
        return loadConfig({folder.write("agent.toml", toml), {}})->warnings.size();
    };
    CHECK(warnings("") == 1);
    CHECK(warnings("[auth]\nanonymous = true") == 0);
    CHECK(warnings("[auth]\nhs256_secret_file = \"/k\"") == 0);
    CHECK(warnings("[auth]\nkey_files = [\"/es256.pem\"]") == 0);
    CHECK(warnings("[auth]\njwks_file = \"/k\"") == 0);
    CHECK(warnings("[auth]\nkeys_dir = \"" + folder.path() + "/none\"") == 1);
    // Also with one that nobody can use: that is for whoever reads it to say.
    folder.write("keys/whatever", "");
    CHECK(warnings("") == 0);
}

TEST_CASE("without a word of it keys and deny list lie beside the file") {
    const TemporaryFolder folder;
    const std::string path = folder.write("agent.toml", "");
    const auto auth = [&](const Environment& environment = {}) {
        return loadConfig({path, environment})->config.auth;
    };
    CHECK(keysFolder(auth()) == folder / "keys");
    CHECK(denyFile(auth()) == folder / "deny");
    CHECK(keysFolder(auth({{"ROLLO_AUTH_KEYS_DIR", "/k"}})) == "/k");
    folder.write("agent.toml", "[auth]\nkeys_dir = \"/keys\"\ndeny_file = \"/denied\"");
    CHECK(keysFolder(auth()) == "/keys");
    CHECK(denyFile(auth()) == "/denied");
    CHECK(keysFolder(AuthConfig()) == "");
    CHECK(denyFile(AuthConfig()) == "");
}
