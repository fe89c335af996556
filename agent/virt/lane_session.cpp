// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/lane_session.hpp"

#include "agent/virt/domain_list.hpp"
#include "agent/virt/look_at.hpp"

namespace rollo::virt {

bool LaneSession::connect(Access access) {
    step();
    if (connection_ && connection_->alive()) return false;
    disconnect();
    connection_ = std::make_unique<Connection>(settings_, access);
    step();
    return true;
}

Looks LaneSession::lookAtAll() {
    Looks looks;
    for (const auto& domain : listDomains(handle(), VIR_CONNECT_LIST_DOMAINS_ACTIVE)) {
        step();
        looks.push_back(lookAt(domain.get()));
    }
    return looks;
}

}  // namespace rollo::virt
