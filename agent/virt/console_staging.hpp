// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/core/console_observation.hpp"

namespace rollo::virt {

/// Output between libvirt, which never waits, and whoever takes it: bounded, the oldest goes first.
/// Pure; not for several threads.
class ConsoleStaging {
  public:
    explicit ConsoleStaging(std::size_t most) : most_(most) {}

    void append(std::string_view bytes);
    /// Whether to tell that something waits: once, until it is taken.
    bool toTell();
    core::ConsoleOutput take();

  private:
    std::size_t most_;
    core::ConsoleOutput waiting_;
    bool told_ = false;
};

}  // namespace rollo::virt
