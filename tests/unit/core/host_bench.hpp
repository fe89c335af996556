// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/host.hpp"
#include "tests/fakes/examples.hpp"
#include "tests/fakes/fake_hypervisor.hpp"
#include "tests/fakes/fake_subscriber.hpp"
#include "tests/fakes/lines.hpp"

/// A Host between a fake hypervisor and one connection that hears everything. Domain N has the UUID
/// that ends in N and the name `vmN`.
namespace rollo::tests {

using Lines = std::vector<std::string>;

inline core::DomainRef domain(int number, int domainId = -1) {
    return {uuid(static_cast<unsigned char>(number)), fmt::format("vm{}", number), domainId};
}

inline core::DomainDescription stoppedVm(int number) {
    core::DomainDescription made;
    made.domain = domain(number);
    made.status = proto::VmStatus::stopped;
    made.reason = "shutdown";
    return made;
}

inline core::DomainDescription runningVm(int number, int domainId, std::uint64_t cpuTimeNs = 0) {
    core::DomainDescription made;
    made.domain = domain(number, domainId);
    made.status = proto::VmStatus::running;
    made.reason = "booted";
    made.cpuTimeNs = cpuTimeNs;
    return made;
}

inline core::DomainDescription transientVm(core::DomainDescription from) {
    from.persistent = false;
    return from;
}

inline core::DomainDescription claiming(core::DomainDescription from, proto::VmId id) {
    from.platformId = id;
    return from;
}

class HostBench {
  public:
    explicit HostBench(const core::SavedState& saved = {},
                       std::optional<proto::ServerId> serverId = 7, core::AlertPolicy alerts = {})
        : host(settings(serverId, std::move(alerts)), saved, hub, hypervisor) {
        core::Subscription everything;
        everything.add({});
        hub.join(member_, everything, core::Principal::anonymous());
    }
    ~HostBench() { hub.leave(member_); }
    HostBench(const HostBench&) = delete;
    HostBench& operator=(const HostBench&) = delete;

    core::Hub hub{"0123456789abcdef"};
    FakeHypervisor hypervisor;
    FakeSubscriber ear;
    std::chrono::milliseconds clock{0};
    std::string hostBootId = "kernel-1";
    core::Host host;

    HostBench& tell(core::Observation observation) {
        host.apply(std::move(observation), at(clock));
        return *this;
    }
    HostBench& open() {
        core::HostDescription description;
        description.uuid = uuid(200);
        description.hostname = "host";
        description.hypervisor = "QEMU";
        description.cpus = 8;
        description.memoryTotalMb = 32768;
        return tell(core::ConnectionOpened{description});
    }
    HostBench& list(std::vector<core::DomainDescription> domains) {
        tell(core::ListingBegun{});
        return tell(core::ListingDone{std::move(domains)});
    }
    /// Connected, with these domains; nothing of that is among what is heard later.
    HostBench& begin(std::vector<core::DomainDescription> domains) {
        open().list(std::move(domains));
        hypervisor.takeAsked();
        heard();
        return *this;
    }
    HostBench& lose(const std::string& reason = "eof") {
        return tell(core::ConnectionLost{reason});
    }
    HostBench& on(int number, core::Lifecycle what, const std::string& reason, int domainId = -1) {
        return tell(core::LifecycleSeen{domain(number, domainId), what, reason});
    }
    HostBench& start(int number, int domainId) {
        on(number, core::Lifecycle::resumed, "user", domainId);
        return on(number, core::Lifecycle::started, "booted", domainId);
    }
    HostBench& reboot(int number, int domainId) {
        return tell(core::RebootSeen{domain(number, domainId)});
    }
    HostBench& outdated(int number) { return tell(core::DescriptionOutdated{domain(number)}); }
    HostBench& described(const core::DomainDescription& description) {
        return tell(core::DomainDescribed{description.domain.uuid, description});
    }
    HostBench& gone(int number) {
        return tell(core::DomainDescribed{domain(number).uuid, std::nullopt});
    }

    /// The tick of that moment.
    HostBench& tick(std::chrono::milliseconds when) {
        clock = when;
        host.tick(at(when));
        return *this;
    }

    /// What was published since the last call.
    Lines heard() { return ear.takeLines(); }
    std::vector<Message> messages() { return ear.take(); }
    std::size_t asked() { return hypervisor.takeAsked().size(); }
    const core::Vm* vm(int number) { return host.state().find(domain(number).uuid); }
    std::string bootOf(int number) { return vm(number)->info.bootId.value_or(""); }

  private:
    core::Host::Settings settings(std::optional<proto::ServerId> serverId,
                                  core::AlertPolicy alerts) {
        core::Host::Settings made;
        made.serverId = serverId;
        made.alerts = std::move(alerts);
        made.hostname = "configured";
        made.agentVersion = "0.1.0";
        made.libvirtUri = "test:///default";
        made.hostBootId = hostBootId;
        made.newBootId = [this] { return fmt::format("boot-{}", ++boots_); };
        return made;
    }

    int boots_ = 0;
    core::Hub::Member member_{ear};
};

}  // namespace rollo::tests
