// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/domain_xml.hpp"

#include <algorithm>

#include "tests/fuzz/check.hpp"

/// What libvirt says of a domain, in which stands what others wrote: its metadata.
namespace rollo::fuzz {
namespace {

void demandBounds(const core::AlertOverride& alert) {
    demand(core::isAboutVm(alert.source), "a VM speaks of VMs");
    if (alert.lasts)
        demand(alert.lasts->count() >= 0 && *alert.lasts <= core::longestFor, "a time is bounded");
    if (core::hasThresholds(alert.source) && alert.levels)
        demand(!core::faultOf(*alert.levels, alert.source), "thresholds make sense");
}

void demandBounds(const virt::DomainXml& domain) {
    if (domain.platformId)
        demand(*domain.platformId >= 1 && *domain.platformId <= virt::largestVmId,
               "an id is exact");
    demand(common::isUtf8(domain.name), "a name is UTF-8");
    demand(domain.console == std::ranges::any_of(domain.consoles, &core::ConsoleDevice::openable),
           "there is a console if one can be opened");
    for (const auto& console : domain.consoles) demand(!console.alias.empty(), "it has a name");
    demand(domain.alerts.faults.size() <= 8, "faults are few");
    for (const auto& fault : domain.alerts.faults) demand(isOneLine(fault), "a fault is one line");
    for (const auto& alert : domain.alerts.overrides) demandBounds(alert);
}

}  // namespace
}  // namespace rollo::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rollo;
    const std::string text(fuzz::textOf(data, size));
    if (const auto domain = virt::readDomainXml(text)) fuzz::demandBounds(*domain);
    virt::readHostUuid(text);
    return 0;
}
