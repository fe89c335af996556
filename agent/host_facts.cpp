// SPDX-License-Identifier: Apache-2.0
#include "agent/host_facts.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>

#include "agent/server/listen_address.hpp"
#include "common/unique_handle.hpp"

namespace rollo::agent {
namespace {

using Interfaces = common::UniqueHandle<ifaddrs, freeifaddrs>;

bool usable(const ifaddrs& interface, int family) {
    if (!interface.ifa_addr || interface.ifa_addr->sa_family != family) return false;
    if (!(interface.ifa_flags & IFF_UP) || (interface.ifa_flags & IFF_LOOPBACK)) return false;
    if (family != AF_INET6) return true;
    const auto* address = reinterpret_cast<const sockaddr_in6*>(interface.ifa_addr);
    return !IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr);
}

}  // namespace

std::string hostname() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
    return name.data();
}

std::optional<std::string> primaryAddress() {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return std::nullopt;
    const Interfaces owner(list);
    for (const int family : {AF_INET, AF_INET6}) {
        for (const ifaddrs* each = list; each; each = each->ifa_next) {
            if (!usable(*each, family)) continue;
            sockaddr_storage address{};
            std::memcpy(&address, each->ifa_addr,
                        family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
            return server::hostText(address);
        }
    }
    return std::nullopt;
}

std::string hostBootId() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;
}

std::optional<proto::Uuid> machineUuid() {
    constexpr sd_id128_t program =
        SD_ID128_MAKE(5b, 1f, 0e, 63, 8d, a7, 4c, 0e, 9a, 6f, 3c, 9e, 11, 77, d2, 40);
    sd_id128_t id;
    if (sd_id128_get_machine_app_specific(program, &id) < 0) return std::nullopt;
    proto::Uuid uuid;
    std::memcpy(uuid.bytes.data(), id.bytes, uuid.bytes.size());
    return uuid;
}

}  // namespace rollo::agent
