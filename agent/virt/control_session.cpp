// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/control_session.hpp"

#include <utility>

#include "agent/virt/convert.hpp"
#include "agent/virt/domain_list.hpp"
#include "agent/virt/domain_reader.hpp"
#include "agent/virt/error.hpp"
#include "common/log.hpp"

namespace rollo::virt {

namespace log = common::log;

bool ControlSession::open() {
    try {
        connection_ = std::make_unique<Connection>(context_.settings, Access::readOnly);
    } catch (const LibvirtError& error) {
        log::debug("libvirt cannot be reached: {}", error.what());
        lost(openFailureWord(error.code()));
        return false;
    }
    if (abandoned_) return false;
    try {
        establish();
    } catch (const LibvirtError& error) {
        log::warning("a new libvirt connection failed: {}", error.what());
        lost("error");
        return false;
    }
    list();
    return true;
}

void ControlSession::establish() {
    progress_.step();
    connection_->onClose([onLost = context_.onLost, generation = generation()](int reason) {
        onLost(generation, std::string(closeReason(reason)));
    });
    connection_->listen(context_.sink);
    progress_.step();
    // What the callbacks see before this is told is dropped; the listing begins after it.
    auto host = readHost(connection_->get());
    context_.loop->post([outlet = context_.sink->outlet, generation = generation(),
                         host = std::move(host)] { outlet->opened(generation, host); });
}

void ControlSession::list() {
    if (!connection_) return;
    tell(core::ListingBegun{});
    try {
        tell(core::ListingDone{describeAll()});
    } catch (const LibvirtError& error) {
        log::warning("the list of domains cannot be read: {}", error.what());
        lost("error");
    }
}

std::vector<core::DomainDescription> ControlSession::describeAll() {
    progress_.step();
    const DomainHandles domains = listDomains(connection_->get(), 0);
    std::vector<core::DomainDescription> descriptions;
    descriptions.reserve(domains.size());
    for (const auto& domain : domains)
        if (auto description = describeOne(domain.get()))
            descriptions.push_back(std::move(*description));
    return descriptions;
}

/// A domain that cannot be read, though it is there and the connection is, must not vanish.
std::optional<core::DomainDescription> ControlSession::describeOne(virDomainPtr domain) {
    progress_.step();
    try {
        auto read = readDomain(domain);
        if (!read) return std::nullopt;
        logFaults(read->description.domain, std::move(read->faults));
        return std::move(read->description);
    } catch (const LibvirtError& error) {
        if (!connection_->alive()) throw;
        log::warning("a domain cannot be described: {}", error.what());
        core::DomainDescription known;
        known.domain = refOf(domain);
        return known;
    }
}

void ControlSession::logFaults(const core::DomainRef& domain, std::vector<std::string> faults) {
    if (faults.empty()) {
        faults_.erase(domain.uuid);
        return;
    }
    auto& known = faults_[domain.uuid];
    if (known == faults) return;
    for (const auto& fault : faults) log::warning("the metadata of {}: {}", domain.name, fault);
    known = std::move(faults);
}

void ControlSession::describe(const proto::Uuid& uuid) {
    if (!connection_) return;
    progress_.step();
    core::DomainDescribed answer{uuid, std::nullopt};
    try {
        const DomainHandle domain(check(
            virDomainLookupByUUID(connection_->get(), uuid.bytes.data()), "virDomainLookupByUUID"));
        answer.description = describeOne(domain.get());
    } catch (const LibvirtError& error) {
        if (!error.domainIsGone()) {
            log::warning("a domain cannot be looked up: {}", error.what());
            lost("error");
            return;
        }
    }
    if (!answer.description) faults_.erase(uuid);
    tell(std::move(answer));
}

void ControlSession::tell(core::Observation observation) {
    context_.loop->post([outlet = context_.sink->outlet, generation = generation(),
                         observation = std::move(observation)]() mutable {
        outlet->tell(generation, std::move(observation));
    });
}

}  // namespace rollo::virt
