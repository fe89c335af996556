// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/console_observation.hpp"
#include "agent/virt/alert_metadata.hpp"
#include "proto/ids.hpp"

namespace rollo::virt {

/// `<metadata><rollo:vm xmlns:rollo="…" id="42" console="always"/></metadata>` gives a domain its
/// `vm_id`, and says whether the agent stays attached to its consoles (or `on_demand`). What it
/// says of alerts is in alert_metadata.hpp.
inline constexpr const char* metadataNamespace = "https://rollo.dev/xmlns/libvirt/vm/1";
/// Where virt-install and others say which operating system a guest was made for.
inline constexpr const char* libosinfoNamespace = "http://libosinfo.org/xmlns/libvirt/domain/1.0";

/// The largest id that every JSON reader keeps exactly.
inline constexpr proto::VmId largestVmId = (std::int64_t{1} << 53) - 1;

/// What a domain's XML (virDomainGetXMLDesc) says that no cheaper call tells.
struct DomainXml {
    std::string name;
    int id = -1;  ///< of the running domain; -1: not running
    std::optional<std::string> title;
    std::optional<std::string> os;  ///< a libosinfo identifier
    std::optional<proto::VmId> platformId;
    std::optional<bool> attachAlways;
    AlertMetadata alerts;
    std::vector<core::ConsoleDevice> consoles;
    std::vector<std::string> disks;  ///< targets (`vda`), of those that can have jobs
    bool console = false;            ///< one of them can be opened (virDomainOpenConsole)
};

/// Nothing if the text is no domain's XML. Reads neither files nor the network, whatever it says.
std::optional<DomainXml> readDomainXml(const std::string& text);

/// `/capabilities/host/uuid` of virConnectGetCapabilities.
std::optional<proto::Uuid> readHostUuid(const std::string& capabilities);

}  // namespace rollo::virt
