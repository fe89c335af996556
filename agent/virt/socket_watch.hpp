// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace rollo::virt {

/// Notices that a daemon's UNIX socket was made anew, so that a back-off can be cut short without
/// knocking at the door. Knows the sockets of libvirtd and of the modular daemons.
/// Thread: main; looks at inodes only.
class SocketWatch {
  public:
    explicit SocketWatch(const std::string& uri);

    /// Whether a socket has appeared or been replaced since the last call.
    bool changed();

    const std::vector<std::string>& paths() const { return paths_; }

  private:
    std::string signature() const;

    std::vector<std::string> paths_;
    std::string last_;
};

}  // namespace rollo::virt
