// SPDX-License-Identifier: Apache-2.0
// Against libvirt's test driver, which lives in this process and needs no daemon.
#include "agent/virt/libvirt_hypervisor.hpp"

#include <doctest/doctest.h>
#include <libvirt/libvirt.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "agent/virt/handle.hpp"

using namespace rollo;
using namespace rollo::virt;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr auto uri = "test:///default";

/// A hypervisor whose observations are collected, and a loop that ticks it.
class Fixture {
  public:
    explicit Fixture(Settings settings)
        : hypervisor(
              settings,
              [this](core::Observation seen) {
                  const std::lock_guard lock(mutex_);
                  seen_.push_back(std::move(seen));
                  changed_.notify_all();
              },
              [this](core::ConsoleObservation seen) {
                  const std::lock_guard lock(mutex_);
                  if (const auto* failed = std::get_if<core::ConsoleFailed>(&seen))
                      failed_.push_back(*failed);
              }) {
        hypervisor.start();
    }

    /// Ticks until some observation, from `from_` on, satisfies the condition; goes on after it.
    template <class T>
    std::optional<T> wait(const std::function<bool(const T&)>& wanted) {
        const auto end = std::chrono::steady_clock::now() + seconds(20);
        std::unique_lock lock(mutex_);
        while (std::chrono::steady_clock::now() < end) {
            for (; next_ < seen_.size(); ++next_)
                if (const T* found = std::get_if<T>(&seen_[next_]); found && wanted(*found)) {
                    ++next_;
                    return *found;
                }
            changed_.wait_for(lock, milliseconds(20));
            lock.unlock();
            hypervisor.tick(std::chrono::steady_clock::now());
            lock.lock();
        }
        return std::nullopt;
    }
    template <class T>
    std::optional<T> wait() {
        return wait<T>([](const T&) { return true; });
    }
    std::vector<core::ConsoleFailed> waitForFailures(std::size_t count) {
        const auto end = std::chrono::steady_clock::now() + seconds(20);
        while (std::chrono::steady_clock::now() < end) {
            hypervisor.tick(std::chrono::steady_clock::now());
            const std::lock_guard lock(mutex_);
            if (failed_.size() >= count) break;
        }
        const std::lock_guard lock(mutex_);
        return failed_;
    }
    std::vector<std::size_t> kinds() {
        const std::lock_guard lock(mutex_);
        std::vector<std::size_t> kinds;
        for (const auto& each : seen_) kinds.push_back(each.index());
        return kinds;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<core::Observation> seen_;
    std::vector<core::ConsoleFailed> failed_;
    std::size_t next_ = 0;

  public:
    LibvirtHypervisor hypervisor;  // after what its threads use
};

Settings quick(const std::string& to = uri) {
    Settings settings;
    settings.uri = to;
    settings.sampleInterval = milliseconds(50);
    settings.backOffFirst = milliseconds(10);
    settings.backOffLongest = milliseconds(40);
    return settings;
}

ConnectHandle connect() {
    ConnectHandle connection(virConnectOpen(uri));
    REQUIRE(connection);
    return connection;
}

std::string xml(const std::string& name) {
    return "<domain type='test'><name>" + name +
           "</name><title>A title</title><metadata>"
           "<r:vm xmlns:r='https://rollo.dev/xmlns/libvirt/vm/1' id='4711'/></metadata>"
           "<memory unit='MiB'>64</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>";
}

proto::Uuid uuidOf(const DomainHandle& domain) {
    proto::Uuid uuid;
    REQUIRE(virDomainGetUUID(domain.get(), uuid.bytes.data()) == 0);
    return uuid;
}

}  // namespace

TEST_CASE("opening is followed by a listing, and by samples") {
    Fixture fixture(quick());
    const auto opened = fixture.wait<core::ConnectionOpened>();
    REQUIRE(opened);
    CHECK(opened->host.hypervisor == "TEST");
    CHECK(opened->host.cpus > 0);
    REQUIRE(fixture.wait<core::ListingBegun>());
    const auto listing = fixture.wait<core::ListingDone>();
    REQUIRE(listing);
    REQUIRE(listing->domains.size() == 1);
    CHECK(listing->domains[0].domain.name == "test");
    CHECK(listing->domains[0].status == proto::VmStatus::running);
    REQUIRE(fixture.wait<core::SampleTaken>(
        [](const auto& sample) { return sample.host && sample.domains.size() == 1; }));
    CHECK(fixture.hypervisor.figures().connected);
    CHECK(fixture.hypervisor.stop(seconds(10)));
    // Opened, begun, done: nothing in between, nothing before.
    const auto kinds = fixture.kinds();
    REQUIRE(kinds.size() > 3);
    CHECK(kinds[0] == 0);
    CHECK(kinds[1] == 1);
    CHECK(kinds[2] == 2);
}

TEST_CASE("a domain's life is told, and described on request") {
    // The test driver's default connections share one world in a process.
    const auto mine = connect();
    Fixture fixture(quick());
    REQUIRE(fixture.wait<core::ListingDone>());

    DomainHandle domain(virDomainCreateXML(mine.get(), xml("life").c_str(), 0));
    REQUIRE(domain);
    const auto uuid = uuidOf(domain);
    const auto started = fixture.wait<core::LifecycleSeen>(
        [](const auto& seen) { return seen.what == core::Lifecycle::started; });
    REQUIRE(started);
    CHECK(started->reason == "booted");
    CHECK(started->domain.name == "life");
    CHECK(started->domain.uuid == uuid);
    CHECK(started->domain.domainId >= 0);

    fixture.hypervisor.describe(uuid);
    const auto described = fixture.wait<core::DomainDescribed>();
    REQUIRE(described);
    REQUIRE(described->description);
    CHECK(described->description->title == "A title");
    CHECK(described->description->platformId == 4711);
    CHECK(described->description->vcpus == 2);
    CHECK(described->description->memoryMb == 64);
    CHECK_FALSE(described->description->persistent);
    CHECK(described->description->autostart == false);  // transient: never by itself

    REQUIRE(virDomainDestroy(domain.get()) == 0);
    const auto stopped = fixture.wait<core::LifecycleSeen>(
        [](const auto& seen) { return seen.what == core::Lifecycle::stopped; });
    REQUIRE(stopped);
    CHECK(stopped->reason == "destroyed");

    fixture.hypervisor.describe(uuid);
    const auto gone = fixture.wait<core::DomainDescribed>();
    REQUIRE(gone);
    CHECK(gone->uuid == uuid);
    CHECK_FALSE(gone->description);
    CHECK(fixture.hypervisor.stop(seconds(10)));
}

TEST_CASE("a description comes after the events before it") {
    const auto mine = connect();
    Fixture fixture(quick());
    REQUIRE(fixture.wait<core::ListingDone>());
    DomainHandle domain(virDomainDefineXML(mine.get(), xml("order").c_str()));
    REQUIRE(domain);
    const auto uuid = uuidOf(domain);
    for (int round = 0; round < 20; ++round) {
        REQUIRE(virDomainCreate(domain.get()) == 0);
        REQUIRE(virDomainDestroy(domain.get()) == 0);
        fixture.hypervisor.describe(uuid);
        REQUIRE(fixture.wait<core::LifecycleSeen>(
            [](const auto& seen) { return seen.what == core::Lifecycle::stopped; }));
        REQUIRE(fixture.wait<core::DomainDescribed>());
    }
    REQUIRE(virDomainUndefine(domain.get()) == 0);
    CHECK(fixture.hypervisor.stop(seconds(10)));
}

TEST_CASE("a second listing tells what has changed") {
    const auto mine = connect();
    Fixture fixture(quick());
    REQUIRE(fixture.wait<core::ListingDone>());
    DomainHandle domain(virDomainDefineXML(mine.get(), xml("second").c_str()));
    REQUIRE(domain);
    fixture.hypervisor.list();
    const auto listing = fixture.wait<core::ListingDone>();
    REQUIRE(listing);
    CHECK(listing->domains.size() == 2);
    REQUIRE(virDomainUndefine(domain.get()) == 0);
}

TEST_CASE("a daemon that is not there is told as lost, once, and tried again") {
    Fixture fixture(quick("qemu+unix:///session?socket=/nonexistent/libvirt-sock"));
    const auto lost = fixture.wait<core::ConnectionLost>();
    REQUIRE(lost);
    CHECK(lost->reason == "refused");
    const auto end = std::chrono::steady_clock::now() + milliseconds(300);
    while (std::chrono::steady_clock::now() < end) {
        fixture.hypervisor.tick(std::chrono::steady_clock::now());
        fixture.hypervisor.describe({});
        fixture.hypervisor.list();
    }
    CHECK(fixture.kinds().size() == 1);
    CHECK_FALSE(fixture.hypervisor.figures().connected);
    CHECK(fixture.hypervisor.stop(seconds(10)));
}

TEST_CASE("a hypervisor that was never started, or is stopped twice, ends at once") {
    LibvirtHypervisor unused(quick(), [](core::Observation) {}, [](core::ConsoleObservation) {});
    unused.tick(std::chrono::steady_clock::now());
    CHECK(unused.stop(seconds(1)));
    Fixture fixture(quick());
    CHECK(fixture.hypervisor.stop(seconds(10)));
    CHECK(fixture.hypervisor.stop(seconds(10)));
}

TEST_CASE("a console that cannot be opened is told as failed, and why") {
    const auto mine = connect();
    const DomainHandle domain(virDomainLookupByName(mine.get(), "test"));
    REQUIRE(domain);
    Fixture fixture(quick());
    fixture.hypervisor.openConsole(1, {.vm = {}, .alias = "serial0"});
    fixture.hypervisor.openConsole(2, {.vm = uuidOf(domain), .alias = "serial0"});
    const auto failed = fixture.waitForFailures(2);
    REQUIRE(failed.size() == 2);
    for (const auto& each : failed)
        CHECK(each.failure == (each.stream == 1 ? core::ConsoleFailure::notRunning
                                                : core::ConsoleFailure::libvirt));
    CHECK(fixture.hypervisor.figures().openConsoles == 2);
    fixture.hypervisor.closeConsole(1);
    CHECK(fixture.hypervisor.figures().openConsoles == 1);
    CHECK(fixture.hypervisor.stop(seconds(10)));
}

TEST_CASE(
    "a console of a daemon that is not there fails; a stream that is not there does nothing") {
    Fixture fixture(quick("qemu+unix:///session?socket=/nonexistent/libvirt-sock"));
    fixture.hypervisor.openConsole(7, {.vm = {}, .alias = "serial0"});
    const auto failed = fixture.waitForFailures(1);
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].stream == 7);
    CHECK(failed[0].failure == core::ConsoleFailure::libvirt);
    fixture.hypervisor.sendConsole(8, "x");
    fixture.hypervisor.readConsoleLog(8, 0);
    fixture.hypervisor.closeConsole(8);
    CHECK(fixture.hypervisor.takeConsoleOutput(8).bytes.empty());
    CHECK(fixture.hypervisor.stop(seconds(10)));
}
