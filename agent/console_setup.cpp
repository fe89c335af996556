// SPDX-License-Identifier: Apache-2.0
#include "agent/console_setup.hpp"

namespace rollo::agent {

core::ConsoleSettings consoleSettings(const ConsoleConfig& config) {
    core::ConsoleSettings settings;
    settings.enabled = config.enabled;
    settings.attachAlways = config.attachAlways;
    settings.linger = config.linger;
    settings.scrollback = {.bytes = static_cast<std::size_t>(config.scrollbackBytes),
                           .bootBytes = static_cast<std::size_t>(config.bootBytes)};
    settings.totalBytes = static_cast<std::size_t>(config.totalBytes);
    settings.maxAttached = static_cast<std::size_t>(config.maxAttached);
    settings.maxPerUser = static_cast<std::size_t>(config.maxPerUser);
    settings.input = {.perSecond = static_cast<double>(config.inputBytesPerSecond),
                      .burst = static_cast<double>(config.inputBurstBytes)};
    settings.inputQueueBytes = static_cast<std::size_t>(config.inputQueueBytes);
    settings.viewerWindowBytes = static_cast<std::size_t>(config.viewerWindowBytes);
    settings.leaseIdle = config.leaseIdle;
    return settings;
}

}  // namespace rollo::agent
