// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/libvirt_hypervisor.hpp"

#include <libxml/parser.h>

#include <algorithm>
#include <utility>

#include "agent/virt/console_streams.hpp"
#include "agent/virt/control_link.hpp"
#include "agent/virt/event_thread.hpp"
#include "agent/virt/job_watcher.hpp"
#include "agent/virt/outlet.hpp"
#include "agent/virt/stats_sampler.hpp"
#include "common/log.hpp"

namespace rollo::virt {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

}  // namespace

/// In the order in which they are needed: callbacks first, then the connection, then samples.
struct LibvirtHypervisor::Parts {
    Parts(const Settings& settings, Report report, ConsoleReport consoleReport)
        : outlet(std::make_shared<Outlet>(std::move(report))),
          consoleOutlet(std::make_shared<ConsoleOutlet>(std::move(consoleReport))),
          link(settings, events.loop(), outlet),
          sampler(settings, events.loop(), outlet),
          jobs(settings, events.loop(), outlet),
          consoles(settings, events.loop(), consoleOutlet) {
        outlet->onJobHint(jobs.hinter());
    }

    EventThread events;
    std::shared_ptr<Outlet> outlet;
    std::shared_ptr<ConsoleOutlet> consoleOutlet;
    ControlLink link;
    StatsSampler sampler;
    JobWatcher jobs;
    ConsoleStreams consoles;
    Generation followed = 0;  ///< the control connection that sampler and job watcher follow
    bool started = false;
    bool stopped = false;
};

LibvirtHypervisor::LibvirtHypervisor(Settings settings, Report report, ConsoleReport consoleReport)
    : parts_(std::make_unique<Parts>(settings, std::move(report), std::move(consoleReport))) {
    // Once, before threads use it.
    xmlInitParser();
}

LibvirtHypervisor::~LibvirtHypervisor() {
    stop(milliseconds(500));
}

void LibvirtHypervisor::setWake(const std::function<void()>& wake) {
    parts_->link.setWake(wake);
    parts_->sampler.setWake(wake);
    parts_->jobs.setWake(wake);
}

void LibvirtHypervisor::start() {
    parts_->started = true;
    parts_->events.start();
    parts_->link.start(Clock::now());
}

void LibvirtHypervisor::describe(const proto::Uuid& uuid) {
    parts_->link.describe(uuid);
}

void LibvirtHypervisor::list() {
    parts_->link.list();
}

void LibvirtHypervisor::openConsole(core::StreamId stream, const ConsoleTarget& target) {
    parts_->consoles.open(stream, target);
}

void LibvirtHypervisor::closeConsole(core::StreamId stream) {
    parts_->consoles.close(stream);
}

void LibvirtHypervisor::sendConsole(core::StreamId stream, std::string bytes) {
    parts_->consoles.send(stream, std::move(bytes));
}

core::ConsoleOutput LibvirtHypervisor::takeConsoleOutput(core::StreamId stream) {
    return parts_->consoles.take(stream);
}

void LibvirtHypervisor::readConsoleLog(core::StreamId stream, std::uint64_t from) {
    parts_->consoles.readLog(stream, from);
}

void LibvirtHypervisor::setSampleInterval(milliseconds interval) {
    parts_->sampler.setInterval(interval);
}

void LibvirtHypervisor::tick(common::Monotonic now) {
    Parts& parts = *parts_;
    if (!parts.started || parts.stopped) return;
    parts.link.tick(now);
    parts.consoles.tick(now);
    const bool connected = parts.link.connected();
    const bool another = parts.followed != parts.link.generation();
    if (parts.sampler.running() && (!connected || another)) {
        parts.sampler.pause();
        parts.jobs.pause();
    }
    if (connected && !parts.sampler.running()) {
        parts.followed = parts.link.generation();
        parts.sampler.resume(now);
        parts.jobs.resume(now, parts.followed);
    }
    parts.sampler.tick(now);
    parts.jobs.tick(now);
}

bool LibvirtHypervisor::stop(milliseconds limit) {
    Parts& parts = *parts_;
    if (!parts.started || std::exchange(parts.stopped, true)) return true;
    const auto end = Clock::now() + limit;
    const auto left = [end] {
        return std::max(std::chrono::duration_cast<milliseconds>(end - Clock::now()),
                        milliseconds(0));
    };
    parts.sampler.beginStop();
    parts.jobs.beginStop();
    parts.link.beginStop();
    parts.consoles.beginStop();
    // All of them are closing meanwhile; the event thread needs next to nothing.
    const bool link = parts.link.finish(left() * 4 / 5);
    const bool consoles = parts.consoles.finish(left() * 4 / 5);
    const bool sampler = parts.sampler.finish(left() * 4 / 5);
    const bool jobs = parts.jobs.finish(left() * 4 / 5);
    const bool events = parts.events.stop(left());
    parts.outlet->close();
    parts.consoleOutlet->close();
    const bool all = link && consoles && sampler && jobs && events;
    if (!all)
        common::log::notice("libvirt does not answer: some of its threads are left to themselves");
    return all;
}

LibvirtHypervisor::Figures LibvirtHypervisor::figures() const {
    const Parts& parts = *parts_;
    return {.connected = parts.link.connected(),
            .reconnects = parts.link.reconnects(),
            .events = parts.link.events(),
            .givenUpCalls = parts.link.givenUp() + parts.sampler.givenUp() + parts.jobs.givenUp(),
            .stuckCalls = parts.link.stuck() + parts.sampler.stuck() + parts.jobs.stuck(),
            .lastSample = parts.sampler.lastDuration(),
            .openConsoles = parts.consoles.open(),
            .consolesGivenUp = parts.consoles.givenUp(),
            .consolesLeftBehind = parts.consoles.leftBehind()};
}

}  // namespace rollo::virt
