// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/core/alert_rule.hpp"

struct _xmlNode;  // of libxml2

namespace rollo::virt {

/// What a domain's metadata says of its alerts, in the keys of the configuration:
///
///     <rollo:vm alerts="off">
///       <rollo:alert rule="vm_crashed" enabled="true" severity="critical"/>
///       <rollo:alert rule="vm_cpu" enabled="true" for_seconds="60">
///         <rollo:warning raise="90" clear="80"/>
///       </rollo:alert>
///     </rollo:vm>
struct AlertMetadata {
    std::vector<core::AlertOverride> overrides;
    /// What is wrong, and was left out; the first few. In fixed words: never what stands there.
    std::vector<std::string> faults;
};

/// `vm` is the metadata element, of that namespace.
AlertMetadata readAlertMetadata(_xmlNode* vm, std::string_view space);

}  // namespace rollo::virt
