// SPDX-License-Identifier: Apache-2.0
#include "agent/server/http_routes.hpp"

#include <doctest/doctest.h>

#include "agent/server/identity.hpp"
#include "tests/unit/server/http_bench.hpp"

using namespace rollo::server;
using namespace rollo::tests;
namespace core = rollo::core;

using Bench = HttpBench;

TEST_CASE("the process lives, whatever libvirt does") {
    Bench bench;
    bench.state.server.libvirtConnected = false;
    CHECK(bench.get("/healthz").status == 200);
    CHECK(Document(bench.get("/healthz").body).text("status") == "ok");
}

TEST_CASE("the agent is ready when libvirt is connected and the inventory has been read") {
    Bench bench;
    CHECK(bench.get("/readyz").status == 200);
    CHECK(Document(bench.get("/readyz").body).flag("ready"));
    bench.state.server.libvirtConnected = false;
    CHECK(bench.get("/readyz").status == 503);
    CHECK_FALSE(Document(bench.get("/readyz").body).flag("libvirt_connected"));
    bench.state.server.libvirtConnected = true;
    bench.state.inventoryRead = false;
    CHECK(bench.get("/readyz").status == 503);
    CHECK_FALSE(Document(bench.get("/readyz").body).flag("inventory_read"));
}

TEST_CASE("the agent's figures need a permission, unless they are public") {
    Bench bench;
    bench.services.metricsText = [] { return std::string("rollo_agent_info 1\n"); };
    CHECK(bench.get("/metrics").status == 401);
    CHECK(bench.get("/metrics", token()).status == 403);
    CHECK(bench.get("/metrics", token({"web"}, "admin")).status == 403);
    const Reply reply = bench.get("/metrics", token({}, "admin"));
    CHECK(reply.status == 200);
    CHECK(reply.contentType == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(reply.body == "rollo_agent_info 1\n");
    bench.services.settings.publicMetrics = true;
    CHECK(bench.get("/metrics").body == "rollo_agent_info 1\n");
    CHECK(bench.get("/api/v1/vms").status == 401);
}

TEST_CASE("the first page is there for everybody") {
    const Reply reply = Bench().get("/");
    CHECK(reply.status == 200);
    CHECK(reply.contentType.starts_with("text/plain"));
    CHECK(reply.body.find("host") != std::string::npos);
}

TEST_CASE("without a token nothing of the API is told") {
    Bench bench;
    for (const auto* path : {"/api/v1/server", "/api/v1/vms", "/api/v1/vms/1", "/api/v1/vms/9"}) {
        const Reply reply = bench.get(path);
        CHECK(reply.status == 401);
        CHECK(code(reply) == "unauthorized");
        CHECK(reply.body.find("web") == std::string::npos);
    }
}

TEST_CASE("alerts are told to whom they would be sent, the severest and latest first") {
    Bench bench;
    const auto fire = [&](std::string id, std::optional<int> about, rollo::proto::Severity severity,
                          std::chrono::seconds since) {
        rollo::proto::Alert alert;
        alert.id = id;
        alert.type = "vm_cpu";
        alert.severity = severity;
        alert.serverId = 7;
        if (about)
            alert.vm = bench.state.vms.at(uuid(static_cast<unsigned char>(*about))).info.identity;
        alert.firstSeen = alert.lastSeen = at(since).wall;
        bench.state.alerts[id] = alert;
    };
    using enum rollo::proto::Severity;
    fire("a", 1, info, std::chrono::seconds(9));
    fire("b", 1, critical, std::chrono::seconds(1));
    fire("c", 2, error, std::chrono::seconds(5));
    fire("d", std::nullopt, critical, std::chrono::seconds(2));
    const auto told = [&](const std::string& bearer) {
        const Reply reply = bench.get("/api/v1/alerts", bearer);
        CHECK(reply.status == 200);
        const Document body(reply.body);
        std::string ids;
        for (std::size_t i = 0; i < body.size("alerts"); ++i)
            ids += body.text(fmt::format("alerts[{}].alert_id", i));
        return ids;
    };
    CHECK(told(token()) == "dbca");
    CHECK(told(token({"web"})) == "ba");
    CHECK(told(token({}, "viewer", {{"vm:view"}})) == "bca");
    CHECK(told(token({}, "viewer", {{"server:view"}})) == "d");
    const Document body(bench.get("/api/v1/alerts", token({"db"})).body);
    CHECK(body.text("alerts[0].state") == "firing");
    CHECK(body.text("alerts[0].severity") == "error");
    CHECK(body.text("alerts[0].entity_type") == "vm");
    CHECK(body.integer("alerts[0].entity_id") == 2);
    CHECK(bench.get("/api/v1/alerts").status == 401);
    CHECK(bench.get("/api/v1/alerts", token({}, "viewer", {{"console:read"}})).status == 403);
    CHECK(bench.get("/api/v1/alerts", token({"web"}, "viewer", {{"server:view"}})).status == 403);
}

TEST_CASE("a token that is not valid is never anonymous") {
    Bench bench;
    bench.services.settings.anonymous = true;
    CHECK(bench.get("/api/v1/vms").status == 200);
    CHECK(bench.get("/api/v1/vms", "").status == 401);
    CHECK(bench.get("/api/v1/vms", "a.b.c").status == 401);
    CHECK(bench.get("/api/v1/vms", token() + "x").status == 401);
}

TEST_CASE("a token that has ended is not valid") {
    Bench bench;
    Request request;
    request.method = "GET";
    request.path = "/api/v1/vms";
    request.bearer = token();
    CHECK(answer(request, bench.services, at()).status == 200);
    CHECK(answer(request, bench.services, at(std::chrono::hours(2))).status == 401);
}

TEST_CASE("a token may come in the query") {
    Bench bench;
    Request request;
    request.method = "GET";
    request.path = "/api/v1/vms";
    request.query = {{"token", token()}};
    CHECK(answer(request, bench.services, at()).status == 200);
}

TEST_CASE("a token without the permission is forbidden") {
    Bench bench;
    const auto nothing = token({}, "viewer", std::vector<std::string>{"stats:view"});
    for (const auto* path : {"/api/v1/server", "/api/v1/vms", "/api/v1/vms/1", "/api/v1/vms/9"}) {
        const Reply reply = bench.get(path, nothing);
        CHECK(reply.status == 403);
        CHECK(code(reply) == "forbidden");
    }
    const auto server = token({}, "viewer", std::vector<std::string>{"server:view"});
    CHECK(bench.get("/api/v1/server", server).status == 200);
    CHECK(bench.get("/api/v1/vms", server).status == 403);
}

TEST_CASE("who is bound to some VMs sees nothing of the server") {
    CHECK(Bench().get("/api/v1/server", token({"web"})).status == 403);
}

TEST_CASE("the server is shown with its metrics") {
    Bench bench;
    const Document without(bench.get("/api/v1/server", token()).body);
    CHECK(without.integer("id") == 7);
    CHECK(without.isNull("metrics"));
    bench.state.serverMetrics.emplace();
    CHECK(Document(bench.get("/api/v1/server", token()).body).has("metrics.vms_total"));
}

TEST_CASE("the VMs are listed by id, those that the caller may see") {
    Bench bench;
    const Document all(bench.get("/api/v1/vms", token()).body);
    REQUIRE(all.size("vms") == 2);
    CHECK(all.text("vms[0].name") == "web");
    CHECK(all.text("vms[1].name") == "db");
    const Document one(bench.get("/api/v1/vms", token({"db"})).body);
    REQUIRE(one.size("vms") == 1);
    CHECK(one.text("vms[0].name") == "db");
    CHECK(Document(bench.get("/api/v1/vms", token({"none"})).body).size("vms") == 0);
}

TEST_CASE("a VM is found by id, UUID or name") {
    Bench bench;
    for (const std::string& name : {std::string("1"), std::string("web"), uuid(1).toString()}) {
        const Reply reply = bench.get("/api/v1/vms/" + name, token());
        CHECK(reply.status == 200);
        CHECK(reply.contentType == "application/json");
        CHECK(Document(reply.body).integer("id") == 1);
    }
}

TEST_CASE("the history of a VM and of the server has the columns of what is kept") {
    Bench bench;
    const auto slot = bench.state.timeline.open(at().mono);
    bench.state.vms.at(uuid(1)).history.put(*slot, {1, 2, 3, 4, 5, 6});
    bench.state.serverHistory.put(*slot, {7, 8, 9, 10, 11, 12});
    const Document vm(bench.get("/api/v1/vms/web/history", token()).body);
    CHECK(vm.text("from") == "2026-01-01T00:00:00.000Z");
    CHECK(vm.integer("vms[0].id") == 1);
    CHECK(vm.number("vms[0].network_tx_bytes_per_second[0]") == 6);
    CHECK(Document(bench.get("/api/v1/vms/db/history", token()).body).size("vms") == 0);
    const Document server(bench.get("/api/v1/server/history", token()).body);
    CHECK(server.number("server.cpu_usage_percent[0]") == 7);
    CHECK_FALSE(server.has("vms"));
}

TEST_CASE("a history needs what the VM or the server needs") {
    Bench bench;
    for (const auto* path : {"/api/v1/server/history", "/api/v1/vms/1/history"})
        CHECK(bench.get(path).status == 401);
    CHECK(bench.get("/api/v1/server/history", token({"web"})).status == 403);
    const Reply none = bench.get("/api/v1/vms/nothing/history", token({"db"}));
    const Reply hidden = bench.get("/api/v1/vms/web/history", token({"db"}));
    CHECK(none.status == 404);
    CHECK(hidden.status == 404);
    CHECK(hidden.body == none.body);
}

TEST_CASE("a VM that is hidden and one that does not exist get the same bytes") {
    Bench bench;
    const std::string scoped = token({"db"});
    const Reply none = bench.get("/api/v1/vms/nothing", scoped);
    CHECK(none.status == 404);
    CHECK(code(none) == "not_found");
    for (const std::string& name : {std::string("1"), std::string("web"), uuid(1).toString()}) {
        const Reply hidden = bench.get("/api/v1/vms/" + name, scoped);
        CHECK(hidden.status == none.status);
        CHECK(hidden.body == none.body);
        CHECK(head(hidden) == head(none));
    }
}

TEST_CASE("there is nothing at other paths") {
    Bench bench;
    for (const auto* path :
         {"", "/healthz/", "/health", "/api", "/api/v1", "/api/v1/", "/api/v1/vm", "/api/v1/vms/",
          "/api/v1/vms/1/", "/api/v1/vms/1/histories", "/api/v1/event", "/metric", "//",
          "/index.html", "/API/v1/vms", "/../etc/passwd", "/ws/stats/", "/ws/console"}) {
        CAPTURE(path);
        const Reply reply = bench.get(path, token());
        CHECK(reply.status == 404);
        CHECK(code(reply) == "not_found");
    }
}

TEST_CASE("a WebSocket endpoint without an upgrade says what is missing") {
    Bench bench;
    for (const auto* path : {"/ws", "/ws/monitor", "/ws/vm/1", "/ws/vm/nothing", "/ws/server/self",
                             "/ws/console/1", "/ws/stats"}) {
        const Reply reply = bench.get(path);
        CHECK(reply.status == 400);
        CHECK(code(reply) == "bad_request");
    }
}

TEST_CASE("nothing is answered here but GET and HEAD") {
    Bench bench;
    for (const auto* method : {"POST", "PUT", "DELETE", "OPTIONS", "get", ""}) {
        Request request;
        request.method = method;
        request.path = "/api/v1/vms";
        const Reply reply = answer(request, bench.services, at());
        CHECK(reply.status == 405);
        CHECK(reply.allow == "GET, HEAD");
        CHECK(code(reply) == "method_not_allowed");
        CHECK(head(reply).find("\r\nallow: GET, HEAD\r\n") != std::string::npos);
    }
    Request request;
    request.method = "HEAD";
    request.path = "/healthz";
    CHECK(answer(request, bench.services, at()).status == 200);
}

TEST_CASE("the head says what the body is, and no more") {
    const std::string ok = head({200, "application/json", "{}", {}});
    CHECK(ok.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(ok.find("\r\ncontent-type: application/json\r\n") != std::string::npos);
    CHECK(ok.find("\r\ncontent-length: 2\r\n") != std::string::npos);
    CHECK(ok.find("\r\ncache-control: no-store\r\n") != std::string::npos);
    CHECK(ok.find("\r\nx-content-type-options: nosniff\r\n") != std::string::npos);
    CHECK(ok.find("www-authenticate") == std::string::npos);
    CHECK(ok.find("allow:") == std::string::npos);
    CHECK(ok.ends_with("\r\n\r\n"));
    CHECK(ok.find("\r\n\r\n") == ok.size() - 4);
}

TEST_CASE("a refusal has its status, its reason and its code") {
    const std::vector<std::tuple<int, std::string, std::string>> all = {
        {400, "Bad Request", "bad_request"},
        {401, "Unauthorized", "unauthorized"},
        {403, "Forbidden", "forbidden"},
        {404, "Not Found", "not_found"},
        {405, "Method Not Allowed", "method_not_allowed"},
        {503, "Service Unavailable", "unavailable"}};
    for (const auto& [status, reason, word] : all) {
        const Reply reply = refusalReply({status, "why"});
        CHECK(code(reply) == word);
        CHECK(Document(reply.body).text("message") == "why");
        CHECK(
            head(reply).starts_with("HTTP/1.1 " + std::to_string(status) + " " + reason + "\r\n"));
    }
    CHECK(head(refusalReply({401, "why"})).find("\r\nwww-authenticate: Bearer\r\n") !=
          std::string::npos);
}

TEST_CASE("who asks is told by the token, or is anonymous where that is allowed, or nobody") {
    Bench bench;
    Request request;
    CHECK_FALSE(identify(request, bench.services, at()).principal);
    bench.services.settings.anonymous = true;
    CHECK_FALSE(identify(request, bench.services, at()).principal->user);
    request.bearer = token();
    CHECK(identify(request, bench.services, at()).principal->user == "alice");
    request.bearer = "a.b.c";
    const auto nobody = identify(request, bench.services, at());
    CHECK_FALSE(nobody.principal);
    CHECK_FALSE(nobody.error.empty());
    CHECK(nobody.error.find("a.b.c") == std::string::npos);
}

TEST_CASE("who may read consoles is told of each device of a VM") {
    Bench bench;
    bench.serveConsoles();
    const std::string operatorToken = token({}, "operator");
    const Reply list = bench.get("/api/v1/vms/web/console", operatorToken);
    CHECK(list.contentType == "application/json");
    CHECK(Document(list.body).size("consoles") == 1);
    CHECK(list.body.find("\"device\":\"serial0\"") != std::string::npos);
    CHECK(Document(bench.get("/api/v1/vms/2/console", operatorToken).body).size("consoles") == 0);
    CHECK(bench.get("/api/v1/vms/web/console").status == 401);
    CHECK(bench.get("/api/v1/vms/web/console", token()).status == 403);
    const std::string scoped = token({"db"}, "operator");
    for (const std::string path : {"/console", "/console/log"}) {
        const Reply hidden = bench.get("/api/v1/vms/web" + path, scoped);
        CHECK(hidden.status == 404);
        CHECK(hidden.body == bench.get("/api/v1/vms/nothing" + path, scoped).body);
    }
}

TEST_CASE("what a console has printed is a file to be saved") {
    Bench bench;
    bench.serveConsoles();
    const auto log = [&](std::vector<std::pair<std::string, std::string>> query) {
        Request request{.method = "GET", .path = "/api/v1/vms/1/console/log", .query = query};
        request.bearer = token({}, "operator");
        request.peer.text = "192.0.2.1";
        return answer(request, bench.services, at());
    };
    const Reply empty = log({});
    CHECK(empty.status == 200);
    CHECK(empty.body.empty());
    CHECK(empty.headers.find("filename=\"web-serial0.log\"") != std::string::npos);
    bench.print("0123456789");
    CHECK(log({}).body == "0123456789");
    CHECK(log({{"device", "serial0"}}).body == "0123456789");
    CHECK(log({{"tail", "3"}}).body == "789");
    CHECK(log({{"from", "4"}}).body == "456789");
    CHECK(log({{"device", "serial1"}}).status == 404);
    CHECK(log({{"tail", "x"}}).status == 400);
    CHECK(log({{"tail", "1"}, {"from", "1"}}).status == 400);
    CHECK(bench.deeds.size() == 5);
    CHECK(bench.deeds.back() == "alice from 192.0.2.1 reads the log by HTTP of web");
}

TEST_CASE("a host without consoles says so") {
    Bench bench;
    for (const auto* path : {"/api/v1/vms/1/console", "/api/v1/vms/1/console/log"}) {
        const Reply reply = bench.get(path, token({}, "operator"));
        CHECK(reply.status == 403);
        CHECK(reply.body.find("console.enabled") != std::string::npos);
    }
}

TEST_CASE("bytes to be saved come with a name that no header can be broken by") {
    const Reply reply = attachment("web \"1\"\r\nx-evil: 1/../serial0.log", std::string("a\0b", 3));
    CHECK(reply.status == 200);
    CHECK(reply.body.size() == 3);
    const std::string text = head(reply);
    CHECK(text.find("content-type: application/octet-stream\r\n") != std::string::npos);
    CHECK(text.find("content-length: 3\r\n") != std::string::npos);
    CHECK(text.find("\r\ncontent-disposition: attachment; "
                    "filename=\"web__1___x-evil__1_.._serial0.log\"\r\n") != std::string::npos);
}

TEST_CASE("operations under way are told to who may hear of them") {
    Bench bench;
    for (const auto& [id, about] :
         {std::pair{"of-web", std::optional(vm(1, "web"))},
          std::pair{"untied", std::optional<rollo::proto::VmIdentity>()}}) {
        rollo::proto::Progress progress;
        progress.operationId = id;
        progress.operationType = "save";
        progress.percent = 57;
        progress.vm = about;
        bench.state.operations[id] = progress;
    }
    const Document all(bench.get("/api/v1/operations", token()).body);
    REQUIRE(all.size("operations") == 2);
    CHECK(all.text("operations[0].operation_id") == "of-web");
    CHECK(all.number("operations[0].progress_percent") == 57);
    CHECK(all.integer("operations[0].vm_id") == 1);
    CHECK(all.text("operations[1].operation_id") == "untied");
    const Document web(bench.get("/api/v1/operations", token({"web"})).body);
    CHECK(web.size("operations") == 1);
    CHECK(Document(bench.get("/api/v1/operations", token({"db"})).body).size("operations") == 0);
    CHECK(bench.get("/api/v1/operations").status == 401);
    const auto nothing = token({}, "viewer", std::vector<std::string>{"stats:view"});
    CHECK(bench.get("/api/v1/operations", nothing).status == 403);
}
