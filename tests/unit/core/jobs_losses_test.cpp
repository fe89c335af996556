// SPDX-License-Identifier: Apache-2.0
/// Operations of libvirt's where VMs come and go, and libvirt or the agent goes away meanwhile.
#include <doctest/doctest.h>

#include "tests/unit/core/jobs_bench.hpp"

using namespace rollo;
using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using enum rollo::core::Lifecycle;
using Bench = JobsBench;

// --- VMs that come and go ------------------------------------------------------------------------

TEST_CASE("the end of an operation comes before its VM goes") {
    Bench bench;
    bench.outdated(1);
    bench.saving(50).heard();
    bench.gone(1);
    bench.pass(10s);
    CHECK(bench.gists() == Lines{"vm1 running>stopped (unknown)", "1 save 50 failed",
                                 "deleted vm1#1000001 (vanished)"});
    bench.ended(bench.job(), JobKind::save, JobOutcome::completed);
    CHECK(bench.heard().empty());
}

TEST_CASE("jobs of a domain that is not known yet are not told") {
    Bench bench;
    bench.look({{bench.job(3), figures(JobKind::restore, 50)}});
    bench.ended(bench.job(3), JobKind::restore, JobOutcome::completed);
    CHECK(bench.heard().empty());
}

TEST_CASE("an operation is told by the present name of its VM") {
    Bench bench;
    bench.saving(50).outdated(1);
    auto renamed = runningVm(1, 5);
    renamed.domain.name = "renamed";
    bench.described(renamed).heard();
    bench.saving(60);
    CHECK(bench.host.state().operations.begin()->second.vm->name == "renamed");
    CHECK(bench.messages().back().text("data.message") == "Saving renamed");
    bench.outdated(1).described(claiming(renamed, 42));
    CHECK(bench.host.state().operations.begin()->second.vm->id == 42);
}

// --- losses --------------------------------------------------------------------------------------

TEST_CASE("an operation outlives a loss of libvirt, and goes on where it was") {
    Bench bench;
    bench.saving(50).look().lose();
    auto told = bench.messages();
    CHECK(told.back().text("data.message").find("libvirt is lost") != std::string::npos);
    bench.pass(10min).open();
    bench.saving(40).pass(10s);
    bench.list({runningVm(1, 5), runningVm(2, 6)}).heard();
    bench.saving(60).pass(10s);
    CHECK(bench.gists() == Lines{"1 save 60 in_progress"});
}

TEST_CASE("what ended while libvirt was lost is told from what is found, after the listing") {
    auto savedVm = stoppedVm(1);
    savedVm.reason = "saved";
    for (const auto& [found, end] :
         {std::pair{savedVm, "1 save 100 completed"}, std::pair{stoppedVm(1), "1 save 50 failed"},
          std::pair{runningVm(1, 5), "1 save 50 failed"}}) {
        Bench bench;
        bench.saving(50).lose().open();
        bench.look().pass(10s);
        CHECK(bench.host.state().operations.size() == 1);
        bench.list({found, runningVm(2, 6)}).heard();
        bench.pass(2s);
        CHECK(bench.gists() == Lines{end});
    }
    Bench bench;
    bench.saving(50).lose().open().list({runningVm(1, 5), runningVm(2, 6)});
    bench.look().pass(2s);
    CHECK(bench.error() ==
          "how it ended is not known, because libvirt was not connected when it ended");
}

TEST_CASE("an operation of a former run of the agent goes on, with its id and no less") {
    Bench before;
    before.saving(50);
    const SavedState saved = before.host.saved();
    REQUIRE(saved.operations.size() == 1);
    Bench after(saved);
    REQUIRE(after.host.state().operations.size() == 1);
    CHECK(after.host.state().operations.begin()->second.percent == 50);
    CHECK(after.host.saved().operations == saved.operations);
    after.saving(40).pass(10s);
    CHECK(after.gists() == Lines{"1 save 50 in_progress"});
    after.ended(after.job(), JobKind::save, JobOutcome::completed);
    after.saving(1).saving(1);
    CHECK(after.host.state().operations.begin()->first == "libvirt:0123456789abcdef:1");
}

TEST_CASE("nothing of a former operation is told before its VM is known, and nothing is lost") {
    Bench before;
    before.saving(50);
    const SavedState saved = before.host.saved();
    HostBench after(saved);
    after.open();
    CHECK(after.host.state().operations.empty());
    CHECK(after.host.saved().operations == saved.operations);
    after.list({runningVm(2, 6)});
    const auto told = after.messages();
    CHECK(told.back().text("data.status") == "failed");
    CHECK(told.back().integer("data.vm_id") == 1000001);
    CHECK(after.host.saved().operations.empty());
}

TEST_CASE("a look from before the first listing counts: there may be no other where all is quiet") {
    Bench before;
    before.saving(50);
    for (const bool seen : {true, false}) {
        HostBench after(before.host.saved());
        JobsSeen look;
        if (seen) look.jobs = {{before.job(), figures(JobKind::save, 60)}};
        after.open().tell(look).list({runningVm(1, 5)});
        after.clock += 2s;
        after.host.tick(at(after.clock));
        CHECK(after.host.state().operations.size() == (seen ? 1 : 0));
    }
}

TEST_CASE("a job that ended while the agent was not there is ended by what is found") {
    Bench before;
    before.saving(50);
    const SavedState saved = before.host.saved();
    auto savedVm = stoppedVm(1);
    savedVm.reason = "saved";
    for (const auto& [found, end] : {std::pair{savedVm, "1 save 100 completed"},
                                     std::pair{runningVm(1, 5), "1 save 50 failed"}}) {
        HostBench after(saved);
        after.begin({found, runningVm(2, 6)});
        after.tell(JobsSeen{});
        after.clock += 2s;
        after.host.tick(at(after.clock));
        const auto told = after.messages();
        REQUIRE(told.size() == 1);
        CHECK(jobLine(told[0]) == end);
        if (found.status == proto::VmStatus::running)
            CHECK(told[0].text("data.error") ==
                  "how it ended is not known, because the agent was not running when it ended");
    }
}

TEST_CASE("another job of the same kind that began since is not the former one") {
    Bench before;
    auto old = figures(JobKind::save, 50);
    old.elapsedMs = 30000;
    before.look({{before.job(), old}});
    Bench after(before.host.saved());
    after.clock = 10min;
    auto fresh = figures(JobKind::save, 10);
    fresh.elapsedMs = 40000;
    after.look({{after.job(), fresh}});
    CHECK(after.gists() == Lines{"1 save 50 failed", "1 save 10 in_progress"});
}
