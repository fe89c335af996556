// SPDX-License-Identifier: Apache-2.0
#include "agent/server/publishing.hpp"

#include <doctest/doctest.h>

#include "tests/unit/server/http_bench.hpp"

using namespace rollo::server;
using namespace rollo::tests;
namespace core = rollo::core;

namespace {

constexpr auto event =
    R"({"type":"progress","data":{"operation_id":"b","operation_type":"backup",
        "progress_percent":5,"status":"pending","message":"","vm_id":1}})";

struct Bench : HttpBench {
    Bench() { services.publications = &publications; }
    core::Operations operations{state, hub};
    core::Alerts alerts{state, hub};
    core::Publications publications{state, operations, alerts};

    Request request = [] {
        Request made;
        made.method = "POST";
        made.path = "/api/v1/events";
        made.content = event;
        made.contentLength = std::to_string(made.content.size());
        made.contentType = "application/json";
        made.bearer = token({}, "admin");
        return made;
    }();

    /// 0: the body may come.
    int head() {
        const auto reply = answerHead(request, services, at());
        return reply ? reply->status : 0;
    }
    Reply post(std::string body) {
        request.content = std::move(body);
        return answer(request, services, at());
    }
};

}  // namespace

TEST_CASE("an event is published, and the answer says how many there were") {
    Bench bench;
    CHECK(bench.head() == 0);
    const Reply reply = bench.post(event);
    CHECK(reply.status == 202);
    const Document body(reply.body);
    CHECK(body.integer("accepted") == 1);
    CHECK(body.integer("seq") == 1);
    CHECK(bench.state.operations.contains("b"));
    CHECK(bench.services.counters.published == 1);
}

TEST_CASE("who may not publish is told so before anything is read") {
    Bench bench;
    bench.request.bearer.reset();
    CHECK(bench.head() == 401);
    bench.request.bearer = "a.b.c";
    CHECK(bench.head() == 401);
    bench.services.settings.anonymous = true;
    CHECK(bench.head() == 401);
    bench.request.bearer.reset();
    CHECK(bench.head() == 403);
    for (const auto* role : {"viewer", "operator"}) {
        bench.request.bearer = token({}, role);
        CHECK(bench.head() == 403);
    }
    CHECK(bench.post(event).status == 403);
    CHECK(bench.state.operations.empty());
}

TEST_CASE("the length of a body is said before it, and is not too much") {
    Bench bench;
    bench.services.settings.publish.maxBytes = 1000;
    bench.request.contentLength = "1000";
    CHECK(bench.head() == 0);
    bench.request.contentLength = "1001";
    CHECK(bench.head() == 413);
    bench.request.contentLength = "99999999999999999999999";
    CHECK(bench.head() == 400);
    for (const auto* wrong : {"-1", "+1", "1, 1", "0x10", "1 ", "one"}) {
        bench.request.contentLength = wrong;
        CHECK(bench.head() == 400);
    }
    bench.request.contentLength = "0";
    CHECK(bench.head() == 400);
    bench.request.contentLength.reset();
    CHECK(bench.head() == 411);
    bench.request.contentLength = "10";
    bench.request.encoded = true;
    CHECK(bench.head() == 411);
}

TEST_CASE("a body is JSON") {
    Bench bench;
    for (const auto* good : {"application/json", "Application/JSON ; charset=utf-8"}) {
        bench.request.contentType = good;
        CHECK(bench.head() == 0);
    }
    for (const auto* other : {"text/plain", "application/jsonx",
                              "application/x-www-form-urlencoded", "", "application"}) {
        bench.request.contentType = other;
        CHECK(bench.head() == 415);
    }
    bench.request.contentType.reset();
    CHECK(bench.head() == 415);
}

TEST_CASE("what is wrong in a body is named") {
    Bench bench;
    const Reply noJson = bench.post("{");
    CHECK(noJson.status == 400);
    CHECK(code(noJson) == "bad_request");
    CHECK_FALSE(Document(noJson.body).has("field"));
    const Reply reply = bench.post(R"({"type":"progress","data":{}})");
    CHECK(reply.status == 400);
    CHECK(Document(reply.body).text("field") == "data.operation_id");
    std::string other = event;
    other.replace(other.find("\"vm_id\":1"), 9, "\"vm_id\":9");
    const Reply unknown = bench.post("[" + std::string(event) + "," + other + "]");
    CHECK(unknown.status == 400);
    CHECK(Document(unknown.body).text("field") == "[1].data.vm_id");
    CHECK(Document(unknown.body).integer("accepted") == 1);
}

TEST_CASE("who publishes too fast is told when to come again, and counted") {
    Bench bench;
    bench.services.settings.publish.eventsPerSecond = 32;
    for (int i = 0; i < 64; ++i) REQUIRE(bench.post(event).status == 202);
    const Reply reply = bench.post(event);
    CHECK(reply.status == 429);
    CHECK(head(reply).find("retry-after: 1\r\n") != std::string::npos);
    CHECK(bench.head() == 429);
    CHECK(bench.services.counters.of(Refused::publishRate) == 2);
    CHECK(bench.services.counters.published == 64);
    bench.request.bearer = {};
    bench.request.peer.publisher = true;
    CHECK(bench.post(event).status == 202);
}

TEST_CASE("what is not valid counts as well") {
    Bench bench;
    bench.services.settings.publish.eventsPerSecond = 1;
    for (int i = 0; i < 64; ++i) REQUIRE(bench.post("{").status == 400);
    CHECK(bench.post("{").status == 429);
}

TEST_CASE("the socket for publishing serves nothing else, and needs no token") {
    Bench bench;
    bench.request.peer.publisher = true;
    bench.request.bearer.reset();
    CHECK(bench.head() == 0);
    CHECK(bench.post(event).status == 202);
    bench.request.method = "GET";
    CHECK(bench.head() == 405);
    for (const auto* path : {"/", "/healthz", "/metrics", "/api/v1/vms", "/api/v1/server",
                             "/ws/monitor", "/api/v1/vms/1/console"}) {
        for (const auto* method : {"GET", "HEAD", "POST"}) {
            bench.request.path = path;
            bench.request.method = method;
            CAPTURE(path);
            CHECK(bench.head() == 404);
        }
    }
}

TEST_CASE("each path says which methods it has") {
    Bench bench;
    bench.request.method = "PUT";
    auto reply = answerHead(bench.request, bench.services, at());
    CHECK(reply->status == 405);
    CHECK(reply->allow == "GET, HEAD, POST");
    bench.request.path = "/api/v1/vms";
    reply = answerHead(bench.request, bench.services, at());
    CHECK(reply->allow == "GET, HEAD");
    bench.request.method = "POST";
    CHECK(bench.head() == 405);
}
