// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

/// Polkit's rule that lets the agent's user manage libvirt, which opening a console takes.
/// Functions may block, and throw std::runtime_error, which names the file, where it cannot be
/// read or written, or is not what this command writes.
namespace rollo::agent {

/// Where the rule goes, and whom it names.
struct PolkitPlace {
    std::string folder = "/etc/polkit-1/rules.d";  ///< is never made
    std::string user = "rollo-agent";

    std::string file() const;
};

/// What polkit runs (JavaScript, polkit(8)): yes to org.libvirt.unix.manage for that user, and no
/// opinion about anything else.
std::string polkitRule(const std::string& user);

/// Installs the rule, and says what it grants. Where the folder or the user is missing nothing is
/// written: the answer says which, and what to do.
std::string grantLibvirt(const PolkitPlace& place);

/// Removes the rule, whomever it names.
std::string revokeLibvirt(const PolkitPlace& place);

/// Whether the rule is there, and whom it names.
std::string libvirtGrant(const PolkitPlace& place);

}  // namespace rollo::agent
