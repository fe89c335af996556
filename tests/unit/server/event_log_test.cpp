// SPDX-License-Identifier: Apache-2.0
#include "agent/server/event_log.hpp"

#include <doctest/doctest.h>

#include "tests/unit/server/http_bench.hpp"

using namespace rollo::server;
using namespace rollo::tests;
namespace core = rollo::core;
namespace proto = rollo::proto;

namespace {

struct Bench : HttpBench {
    void publish(proto::VmId id, std::string name) {
        hub.publish(proto::Event(proto::VmDeleted{vm(id, std::move(name)), "undefined"}), at());
    }
    Reply since(const std::string& point, std::vector<std::string> vms = {}) {
        Request request;
        request.method = "GET";
        request.path = "/api/v1/events";
        request.query = {{"since", point}};
        request.bearer = token(std::move(vms));
        return answer(request, services, at());
    }
};

constexpr auto epoch = "0123456789abcdef:";

}  // namespace

TEST_CASE("what came since then, as it was told") {
    Bench bench;
    for (int id = 1; id <= 3; ++id) bench.publish(id, "web");
    const Reply reply = bench.since(std::string(epoch) + "1");
    CHECK(reply.status == 200);
    const Document body(reply.body);
    CHECK(body.text("epoch") == "0123456789abcdef");
    CHECK(body.integer("seq") == 3);
    CHECK_FALSE(body.flag("more"));
    CHECK(body.integer("events[0].seq") == 2);
    CHECK(body.text("events[1].type") == "vm_deleted");
    CHECK(body.integer("events[1].data.vm_id") == 3);
    CHECK(body.size("events") == 2);
}

TEST_CASE("only what that person may hear") {
    Bench bench;
    bench.publish(1, "web");
    bench.publish(2, "db");
    const Reply reply = bench.since(std::string(epoch) + "0", {"db"});
    const Document body(reply.body);
    CHECK(body.integer("events[0].data.vm_id") == 2);
    CHECK(body.size("events") == 1);
    CHECK(body.integer("seq") == 2);
}

TEST_CASE("a long answer comes in parts") {
    Bench bench;
    for (int id = 1; id <= 1500; ++id) bench.publish(id, std::string(1000, 'x'));
    const Document first(bench.since(std::string(epoch) + "0").body);
    CHECK(first.flag("more"));
    const auto upTo = first.integer("seq");
    CHECK(upTo > 500);
    CHECK(upTo < 1500);
    const Document second(bench.since(epoch + std::to_string(upTo)).body);
    CHECK_FALSE(second.flag("more"));
    CHECK(second.integer("events[0].seq") == upTo + 1);
    CHECK(second.integer("seq") == 1500);
}

TEST_CASE("what is not kept is said to be gone, and where to begin anew") {
    Bench bench;
    bench.publish(1, "web");
    for (const auto* point : {"fedcba9876543210:1", "0123456789abcdef:2"}) {
        const Reply reply = bench.since(point);
        CHECK(reply.status == 410);
        CHECK(code(reply) == "gap");
        const Document body(reply.body);
        CHECK(body.text("epoch") == "0123456789abcdef");
        CHECK(body.integer("seq") == 1);
    }
}

TEST_CASE("what is no place in the log") {
    Bench bench;
    for (const auto* point : {"", "1", ":1", "0123456789abcdef", "0123456789abcdef:", "x:-1"})
        CHECK(bench.since(point).status == 400);
    CHECK(bench.get("/api/v1/events", token()).status == 400);
    CHECK(bench.get("/api/v1/events").status == 401);
}
