// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/outlet.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace rollo;
using namespace rollo::virt;

namespace {

/// One letter for each observation: O(pened), L(ost), E(vent), S(ample), J(obs), and a digit for
/// how many jobs there are.
struct Told {
    std::string letters;
    std::string reason;
    Outlet outlet{[this](core::Observation observation) {
        if (std::holds_alternative<core::ConnectionOpened>(observation)) letters += 'O';
        if (const auto* lost = std::get_if<core::ConnectionLost>(&observation)) {
            letters += 'L';
            reason = lost->reason;
        }
        if (std::holds_alternative<core::RebootSeen>(observation)) letters += 'E';
        if (std::holds_alternative<core::SampleTaken>(observation)) letters += 'S';
        if (const auto* seen = std::get_if<core::JobsSeen>(&observation))
            letters += "J" + std::to_string(seen->jobs.size());
    }};
};

}  // namespace

TEST_CASE("events count from the moment the connection is told as open") {
    Told told;
    told.outlet.tell(1, core::RebootSeen{});
    told.outlet.opened(1, {});
    told.outlet.tell(1, core::RebootSeen{});
    CHECK(told.letters == "OE");
}

TEST_CASE("a loss is told once, with its first reason") {
    Told told;
    told.outlet.opened(1, {});
    told.outlet.lost(1, "eof");
    told.outlet.lost(1, "error");
    told.outlet.lost(2, "refused");
    told.outlet.tell(1, core::RebootSeen{});
    CHECK(told.letters == "OL");
    CHECK(told.reason == "eof");
    told.outlet.opened(3, {});
    told.outlet.lost(3, "keepalive");
    CHECK(told.letters == "OLOL");
    CHECK(told.reason == "keepalive");
}

TEST_CASE("a first connection that fails is told as lost") {
    Told told;
    told.outlet.lost(1, "refused");
    CHECK(told.letters == "L");
}

TEST_CASE("a thread that was given up is not mistaken for the present one") {
    Told told;
    told.outlet.lost(1, "timeout");
    told.outlet.opened(1, {});
    told.outlet.tell(1, core::RebootSeen{});
    CHECK(told.letters == "L");
    told.outlet.opened(2, {});
    told.outlet.tell(1, core::RebootSeen{});
    told.outlet.lost(1, "error");
    told.outlet.tell(2, core::RebootSeen{});
    CHECK(told.letters == "LOE");
}

TEST_CASE("samples are taken from the present sampler alone, while connected") {
    Told told;
    told.outlet.listenToSampler(1);
    told.outlet.sampled(1, {});
    told.outlet.opened(1, {});
    told.outlet.sampled(1, {});
    told.outlet.listenToSampler(2);
    told.outlet.sampled(1, {});
    told.outlet.sampled(2, {});
    told.outlet.lost(1, "eof");
    told.outlet.sampled(2, {});
    CHECK(told.letters == "OSSL");
}

TEST_CASE("a look that began before a job ended does not bring it back") {
    const auto job = [](const std::string& disk) { return core::JobSeen{{{}, disk}, {}}; };
    Told told;
    told.outlet.opened(1, {});
    const auto before = std::chrono::steady_clock::now();
    told.outlet.tell(1, core::JobEnded{.job = {{}, "vda"}, .error = "", .figures = {}});
    told.outlet.jobsSeen(1, before, {{job("vda"), job("vdb")}, {}});
    // Libvirt may show it for a moment longer.
    told.outlet.jobsSeen(1, before + std::chrono::milliseconds(300), {{job("vda")}, {}});
    CHECK(told.letters == "OJ1J0");
    // Another job of the same disk.
    told.outlet.jobsSeen(1, before + std::chrono::seconds(5), {{job("vda")}, {}});
    CHECK(told.letters == "OJ1J0J1");
}

TEST_CASE("looks at jobs and hints count for the present connection alone") {
    Told told;
    int hints = 0;
    told.outlet.onJobHint([&hints](const proto::Uuid&) { ++hints; });
    told.outlet.hintJob(1, {});
    told.outlet.jobsSeen(1, {}, {});
    told.outlet.opened(1, {});
    told.outlet.hintJob(1, {});
    told.outlet.jobsSeen(1, {}, {});
    told.outlet.lost(1, "eof");
    told.outlet.hintJob(1, {});
    told.outlet.jobsSeen(1, {}, {});
    CHECK(told.letters == "OJ0L");
    CHECK(hints == 1);
}
