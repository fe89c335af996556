// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/domain_list.hpp"

#include "agent/virt/error.hpp"

namespace rollo::virt {

DomainHandles listDomains(virConnectPtr connection, unsigned flags) {
    virDomainPtr* list = nullptr;
    const int size =
        check(virConnectListAllDomains(connection, &list, flags), "virConnectListAllDomains");
    const common::UniqueHandle<virDomainPtr, std::free> array(list);
    DomainHandles domains;
    domains.reserve(static_cast<std::size_t>(size));
    for (int i = 0; i < size; ++i) domains.emplace_back(list[i]);
    return domains;
}

}  // namespace rollo::virt
