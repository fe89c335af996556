// SPDX-License-Identifier: Apache-2.0
#include "agent/server/ticketing.hpp"

#include <doctest/doctest.h>

#include "agent/server/identity.hpp"
#include "tests/unit/server/http_bench.hpp"

using namespace rollo::server;
using namespace rollo::tests;
namespace core = rollo::core;

namespace {

struct Bench : HttpBench {
    Bench() { serveConsoles(); }

    Reply ask(const std::string& body, const std::string& bearer = token({}, "admin")) {
        Request request;
        request.method = "POST";
        request.path = "/api/v1/tickets";
        request.content = body;
        request.contentLength = std::to_string(body.size());
        request.contentType = "application/json";
        request.bearer = bearer;
        if (auto refused = answerHead(request, services, at())) return *refused;
        return answer(request, services, at());
    }
    std::string ticket(const std::string& endpoint, const std::string& more = "") {
        const Reply reply = ask(R"({"endpoint":")" + endpoint + "\"" + more + "}");
        REQUIRE(reply.status == 201);
        return Document(reply.body).text("ticket");
    }
    /// Who a request with that query speaks for.
    Identity show(std::string path, std::vector<std::pair<std::string, std::string>> query,
                  int milliseconds = 0) {
        Request request;
        request.method = "GET";
        request.path = std::move(path);
        request.query = std::move(query);
        return identify(request, services, at(std::chrono::milliseconds(milliseconds)));
    }
};

}  // namespace

TEST_CASE("a ticket speaks for who asked for it, where it leads") {
    Bench bench;
    const auto identity = bench.show("/ws", {{"ticket", bench.ticket("/ws")}});
    REQUIRE(identity.principal);
    CHECK(identity.principal->user == "alice");
    CHECK(identity.principal->role == "admin");
}

TEST_CASE("a ticket that is not good here is nobody's, and never anonymous") {
    Bench bench;
    bench.services.settings.anonymous = true;
    const auto shown = bench.ticket("/ws");
    CHECK_FALSE(bench.show("/ws/stats", {{"ticket", shown}}).principal);
    CHECK_FALSE(bench.show("/ws", {{"ticket", shown}}).principal);
    CHECK_FALSE(bench.show("/ws", {{"ticket", ""}}).principal);
    CHECK_FALSE(bench.show("/ws", {{"ticket", bench.ticket("/ws")}, {"token", token()}}).principal);
    CHECK_FALSE(bench.show("/ws", {{"ticket", bench.ticket("/ws")}}, 30'000).principal);
    CHECK(bench.services.counters.of(Refused::token) == 5);
    CHECK(bench.show("/ws", {}).principal);
}

TEST_CASE("a ticket is for the VM that its path named then") {
    Bench bench;
    const auto by = [&](const std::string& path) { return bench.ticket(path); };
    auto& web = bench.state.vms.at(uuid(1)).info.identity;
    auto& db = bench.state.vms.at(uuid(2)).info.identity;
    for (const std::string path :
         {"/ws/vm/web", "/ws/console/web", "/api/v1/vms/web/console/log"}) {
        CAPTURE(path);
        CHECK(bench.show(path, {{"ticket", by(path)}}).principal);
        const auto shown = by(path);
        std::swap(web.name, db.name);
        CHECK_FALSE(bench.show(path, {{"ticket", shown}}).principal);
        std::swap(web.name, db.name);
    }
    const auto shown = by("/ws/vm/web");
    web.name = "elsewhere";
    CHECK_FALSE(bench.show("/ws/vm/web", {{"ticket", shown}}).principal);
}

TEST_CASE("a console's ticket is for reading, if it does not say otherwise") {
    Bench bench;
    const std::string path = "/ws/console/1";
    CHECK(bench.show(path, {{"ticket", bench.ticket(path)}}).readOnly);
    CHECK(bench.show(path, {{"ticket", bench.ticket(path, R"(,"mode":"ro")")}}).readOnly);
    const auto write = [&] { return bench.ticket(path, R"(,"mode":"rw")"); };
    CHECK_FALSE(bench.show(path, {{"ticket", write()}}).readOnly);
    CHECK(bench.show(path, {{"ticket", write()}, {"force", "device"}}).principal);
    CHECK_FALSE(bench.show(path, {{"ticket", write()}, {"mode", "ro"}}).principal);
    CHECK_FALSE(bench.show(path, {{"ticket", bench.ticket(path)}, {"mode", "rw"}}).principal);
    CHECK_FALSE(bench.show(path, {{"ticket", bench.ticket(path)}, {"force", "device"}}).principal);
    // On other endpoints these words mean nothing.
    CHECK(bench.show("/ws", {{"ticket", bench.ticket("/ws")}, {"mode", "rw"}}).principal);
}

TEST_CASE("nobody takes a ticket of whom it is not allowed any more") {
    Bench bench;
    const std::string shown = bench.ticket("/ws");
    auto ticket = bench.services.tickets.redeem(shown, at().mono);
    REQUIRE(ticket);
    CHECK(ticket->owner.expiresAt);
    ticket->owner.expiresAt = at().wall;
    const auto expired = bench.services.tickets.issue(*ticket, 9, at().mono);
    CHECK_FALSE(bench.show("/ws", {{"ticket", *expired}}).principal);
}

TEST_CASE("a ticket that is refused is a reason of its own") {
    Bench bench;
    bench.services.settings.ticketsPerUser = 1;
    bench.ticket("/ws");
    const Reply reply = bench.ask(R"({"endpoint":"/ws"})");
    CHECK(reply.status == 429);
    CHECK(reply.headers == "retry-after: 30\r\n");
    CHECK(bench.services.counters.of(Refused::tickets) == 1);
}

TEST_CASE("where no consoles are served there are no tickets for them") {
    Bench bench;
    bench.consoles.reconfigure({}, at());
    CHECK(bench.ask(R"({"endpoint":"/ws/console/1"})").status == 403);
    CHECK(bench.ask(R"({"endpoint":"/api/v1/vms/1/console/log"})").status == 403);
    CHECK(bench.ask(R"({"endpoint":"/ws/vm/1"})").status == 201);
}
