// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/look_at.hpp"

#include "agent/virt/convert.hpp"

namespace rollo::virt {

Look lookAt(virDomainPtr domain) {
    Look look{.uuid = uuidOf(domain), .domainId = static_cast<int>(virDomainGetID(domain))};
    virDomainInfo info{};
    if (virDomainGetInfo(domain, &info) == 0) look.cpuTimeNs = info.cpuTime;
    virDomainControlInfo control{};
    if (virDomainGetControlInfo(domain, &control, 0) != 0) return look;
    look.job = control.state == VIR_DOMAIN_CONTROL_JOB;
    if (control.state == VIR_DOMAIN_CONTROL_OCCUPIED)
        look.occupiedSince =
            std::chrono::steady_clock::now() - std::chrono::milliseconds(control.stateTime);
    return look;
}

}  // namespace rollo::virt
