// SPDX-License-Identifier: Apache-2.0
#include "agent/server/opening.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace rollo::server;
namespace core = rollo::core;
using Ids = std::vector<std::int64_t>;
using Names = std::vector<std::string>;
using Query = std::vector<std::pair<std::string, std::string>>;

namespace {

Request requestOf(std::string path, Query query = {}) {
    Request request;
    request.path = std::move(path);
    request.query = std::move(query);
    return request;
}

Opening opened(std::string path, Query query = {}) {
    auto opening = readOpening(requestOf(std::move(path), std::move(query)));
    REQUIRE(opening.has_value());
    return std::move(*opening);
}

core::Client::Opening read(Query query) {
    return std::get<core::Client::Opening>(opened("/ws", std::move(query)));
}

core::EventEndpoint endpoint(std::string path) {
    return std::get<core::Client::Opening>(opened(std::move(path))).endpoint;
}

core::ConsoleViewer::Opening console(Query query = {}, std::string path = "/ws/console/42") {
    return std::get<core::ConsoleViewer::Opening>(opened(std::move(path), std::move(query)));
}

Refusal refused(Query query, std::string path = "/ws") {
    auto opening = readOpening(requestOf(std::move(path), std::move(query)));
    REQUIRE_FALSE(opening.has_value());
    return opening.error();
}

Refusal consoleRefused(Query query) {
    return refused(std::move(query), "/ws/console/42");
}

}  // namespace

TEST_CASE("the first argument of a name counts") {
    const Request request{.query = {{"a", "1"}, {"b", ""}, {"a", "2"}}};
    CHECK(*request.argument("a") == "1");
    CHECK(request.argument("b")->empty());
    CHECK_FALSE(request.argument("c"));
}

TEST_CASE("the header's token comes before that of the query") {
    Request request{.query = {{"token", "query"}}};
    CHECK(*request.token() == "query");
    request.bearer = "header";
    CHECK(*request.token() == "header");
    CHECK_FALSE(Request().token());
}

TEST_CASE("an empty token is a token, and no valid one") {
    const Request request{.query = {{"token", ""}}};
    REQUIRE(request.token());
    CHECK(request.token()->empty());
}

TEST_CASE("paths name the endpoints") {
    CHECK(std::holds_alternative<core::MonitorEndpoint>(endpoint("/ws")));
    CHECK(std::holds_alternative<core::MonitorEndpoint>(endpoint("/ws/monitor")));
    CHECK(std::get<core::VmEndpoint>(endpoint("/ws/vm/42")).vm == "42");
    CHECK(std::get<core::VmEndpoint>(endpoint("/ws/vm/a b")).vm == "a b");
    CHECK(std::get<core::ServerEndpoint>(endpoint("/ws/server/self")).server == "self");
    CHECK(console().vm == "42");
    CHECK(console({}, "/ws/console/a b").vm == "a b");
}

TEST_CASE("other paths name no endpoint") {
    for (const auto* path : {"",
                             "/",
                             "/ws/",
                             "/WS",
                             "/ws/monitor/",
                             "/ws/vm",
                             "/ws/vm/",
                             "/ws/vm/1/",
                             "/ws/vm/1/2",
                             "/ws/server",
                             "/ws/server/",
                             "/ws/console",
                             "/ws/console/",
                             "/ws/console/1/",
                             "/ws/console/1/2",
                             "/ws/stats/",
                             "/ws/stats/1",
                             "//ws",
                             "/api/v1/vms",
                             "ws/vm/1"}) {
        CAPTURE(path);
        CHECK(endpointOf(path).empty());
        CHECK(refused({}, path).status == 404);
    }
}

TEST_CASE("an endpoint is the same, whatever its path names") {
    CHECK(endpointOf("/ws") == "/ws/monitor");
    CHECK(endpointOf("/ws/monitor") == "/ws/monitor");
    CHECK(endpointOf("/ws/vm/web") == "/ws/vm/{vm}");
    CHECK(endpointOf("/ws/server/self") == "/ws/server/{server}");
    CHECK(endpointOf("/ws/console/1") == "/ws/console/{vm}");
    CHECK(endpointOf("/ws/stats") == "/ws/stats");
}

TEST_CASE("the statistics have no parameters, and no subprotocol") {
    Request request{.path = "/ws/stats"};
    CHECK(std::holds_alternative<core::StatsViewer::Opening>(readOpening(request).value()));
    request.subprotocols = std::string(consoleSubprotocol);
    CHECK(readOpening(request).error().status == 400);
}

TEST_CASE("without a query there is no subscription, and a snapshot") {
    const auto opening = read({});
    CHECK_FALSE(opening.subscribe);
    CHECK_FALSE(opening.resume);
    CHECK(opening.snapshot);
    CHECK(std::holds_alternative<core::MonitorEndpoint>(opening.endpoint));
}

TEST_CASE("the filters of the query make a subscription") {
    const auto opening = read({{"events", "vm_created,nonsense"},
                               {"vm_ids", "3,1"},
                               {"server_ids", "7"},
                               {"unknown", "parameter"}});
    REQUIRE(opening.subscribe);
    CHECK(opening.subscribe->filter.events == Names{"vm_created", "nonsense"});
    CHECK(opening.subscribe->filter.vmIds == Ids{3, 1});
    CHECK(opening.subscribe->filter.serverIds == Ids{7});
    CHECK_FALSE(opening.subscribe->id);
}

TEST_CASE("one filter is enough, and the others are absent") {
    CHECK(read({{"events", "*"}}).subscribe->filter.events == Names{"*"});
    CHECK_FALSE(read({{"events", "*"}}).subscribe->filter.vmIds);
    CHECK_FALSE(read({{"vm_ids", "1"}}).subscribe->filter.events);
    CHECK(read({{"server_ids", "1"}}).subscribe);
    CHECK_FALSE(read({{"snapshot", "0"}}).subscribe);
}

TEST_CASE("a filter that is there and empty is an empty list") {
    CHECK(read({{"events", ""}}).subscribe->filter.events == Names{});
    CHECK(read({{"vm_ids", ""}}).subscribe->filter.vmIds == Ids{});
}

TEST_CASE("a snapshot is asked for by 0 or 1") {
    CHECK_FALSE(read({{"snapshot", "0"}}).snapshot);
    CHECK(read({{"snapshot", "1"}}).snapshot);
    const auto opening = read({{"snapshot", "0"}, {"events", "*"}});
    CHECK_FALSE(opening.subscribe->snapshot);
    for (const auto* value : {"", "2", "true", "00", " 1"})
        CHECK(refused({{"snapshot", value}}).status == 400);
}

TEST_CASE("a history is asked for by 1") {
    CHECK_FALSE(read({}).history);
    CHECK(read({{"history", "1"}}).history);
    CHECK(read({{"history", "1"}, {"events", "*"}}).subscribe->history);
    CHECK_FALSE(read({{"history", "0"}, {"events", "*"}}).subscribe->history);
    CHECK(refused({{"history", "yes"}}).status == 400);
}

TEST_CASE("a resume names epoch and number") {
    const auto opening = read({{"resume", "0123456789abcdef:42"}});
    CHECK(opening.resume->epoch == "0123456789abcdef");
    CHECK(opening.resume->seq == 42);
    CHECK(read({{"resume", "e:0"}}).resume->seq == 0);
    for (const auto* value : {"", ":", "e", "e:", ":1", "e:x", "e:-1", "e:1 ", "e:1.5", "e:1:2",
                              "e:99999999999999999999", "e:9007199254740992"})
        CHECK(refused({{"resume", value}}).status == 400);
    CHECK(read({{"resume", "e:9007199254740991"}}).resume);
}

TEST_CASE("ids are positive integers that every client can hold") {
    for (const auto* name : {"vm_ids", "server_ids"})
        for (const auto* value : {"0", "-1", "x", "1,", ",1", "1,,2", "1.5", " 1", "1 ", "+1",
                                  "9007199254740992", "99999999999999999999", "self"}) {
            CAPTURE(value);
            const auto refusal = refused({{name, value}});
            CHECK(refusal.status == 400);
            CHECK(refusal.message.find(name) != std::string::npos);
        }
    CHECK(read({{"vm_ids", "9007199254740991"}}).subscribe->filter.vmIds->front() ==
          9007199254740991);
}

TEST_CASE("names of events are as long as in a message") {
    CHECK(refused({{"events", "a,,b"}}).status == 400);
    CHECK(refused({{"events", ","}}).status == 400);
    CHECK(refused({{"events", std::string(65, 'e')}}).status == 400);
    CHECK(read({{"events", std::string(64, 'e')}}).subscribe);
}

TEST_CASE("a refusal repeats nothing of the query") {
    for (const auto* name : {"events", "vm_ids", "server_ids", "resume", "snapshot", "history"})
        CHECK(refused({{name, "IAmTheMark,,"}}).message.find("IAmTheMark") == std::string::npos);
}

// --- consoles ------------------------------------------------------------------------------------

TEST_CASE("without a query a console is opened to read and write, from the beginning") {
    const auto opening = console();
    CHECK_FALSE(opening.device);
    CHECK_FALSE(opening.readOnly);
    CHECK_FALSE(opening.forceDevice);
    CHECK_FALSE(opening.binary);
    CHECK_FALSE(opening.tail);
    CHECK_FALSE(opening.from);
    CHECK_FALSE(opening.epoch);
}

TEST_CASE("a console's query is read") {
    const auto opening = console({{"device", "serial1"},
                                  {"mode", "ro"},
                                  {"force", "device"},
                                  {"from", "9007199254740991"},
                                  {"epoch", "0123456789abcdef"},
                                  {"unknown", "parameter"}});
    CHECK(opening.device == "serial1");
    CHECK(opening.readOnly);
    CHECK(opening.forceDevice);
    CHECK(opening.from == 9007199254740991U);
    CHECK(opening.epoch == "0123456789abcdef");
    CHECK(console({{"tail", "0"}}).tail == 0U);
    CHECK_FALSE(console({{"mode", "rw"}}).readOnly);
}

TEST_CASE("a value that a console does not know is refused, and its parameter named") {
    const auto isRefused = [](Query query, std::string_view name) {
        const auto refusal = consoleRefused(std::move(query));
        CAPTURE(refusal.message);
        CHECK(refusal.status == 400);
        CHECK(refusal.message.find(fmt::format("parameter {} ", name)) != std::string::npos);
        CHECK(refusal.message.find("IAmTheMark") == std::string::npos);
    };
    for (const auto* value : {"", "r", "wo", "RO", "rw ", "IAmTheMark"})
        isRefused({{"mode", value}}, "mode");
    for (const auto* value : {"", "1", "lease", "Device", "IAmTheMark"})
        isRefused({{"force", value}}, "force");
    for (const auto* name : {"tail", "from"})
        for (const auto* value : {"", "-1", "+1", " 1", "1 ", "1.5", "0x10", "IAmTheMark",
                                  "9007199254740992", "99999999999999999999"})
            isRefused({{name, value}}, name);
    isRefused({{"device", ""}}, "device");
    isRefused({{"device", std::string(65, 'x')}}, "device");
    for (const auto* value : {"", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF",
                              "0123456789abcdeg", "IAmTheMark"})
        isRefused({{"epoch", value}}, "epoch");
    CHECK(console({{"device", std::string(64, 'd')}}).device->size() == 64);
    isRefused({{"tail", "1"}, {"from", "1"}}, "tail");
    CHECK(consoleRefused({{"mode", "x"}}).message == "the query parameter mode must be rw or ro");
    CHECK(consoleRefused({{"force", "x"}}).message == "the query parameter force must be device");
}

TEST_CASE("the filters of events mean nothing to a console, and its own nothing to events") {
    CHECK(console({{"vm_ids", "x"}, {"resume", "x"}}).vm == "42");
    CHECK(read({{"mode", "x"}, {"tail", "x"}}).snapshot);
}

TEST_CASE("the subprotocol of consoles is refused elsewhere, however it is asked for") {
    for (const auto* header : {"rollo.console.v1", "a, rollo.console.v1", "rollo.console.v1,b",
                               "a ,\trollo.console.v1\t, b"}) {
        Request request = requestOf("/ws/monitor");
        request.subprotocols = header;
        const auto opening = readOpening(request);
        CAPTURE(header);
        REQUIRE_FALSE(opening.has_value());
        CHECK(opening.error().status == 400);
        CHECK(opening.error().message == "the subprotocol rollo.console.v1 is for consoles");
        request.path = "/ws/console/1";
        CHECK(readOpening(request).has_value());
    }
    for (const auto* header : {"rollo", "rollo.console.v2", "rollo.console.v1x", "Rollo.Console.V1",
                               "rollo.console.v1;q=1", "a,,b"}) {
        Request request = requestOf("/ws/monitor");
        request.subprotocols = header;
        CAPTURE(header);
        for (const auto* path : {"/ws/monitor", "/ws/console/1"}) {
            request.path = path;
            const auto opening = readOpening(request);
            REQUIRE_FALSE(opening.has_value());
            CHECK(opening.error().message ==
                  "there is no such subprotocol, but rollo.console.v1 for consoles");
        }
    }
    Request request = requestOf("/ws/monitor");
    request.subprotocols = "";
    CHECK(readOpening(request).has_value());
}
