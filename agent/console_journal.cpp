// SPDX-License-Identifier: Apache-2.0
#include "agent/console_journal.hpp"

#include <fmt/format.h>

#include "common/log.hpp"

namespace rollo::agent {

void logConsoleDeed(const core::ConsoleDeed& deed) {
    namespace log = common::log;
    log::write(log::Level::notice,
               fmt::format("console {} of {}: {} from {} {}", deed.device, deed.vm, deed.user,
                           deed.address, deed.what),
               {{"ROLLO_CONNECTION", deed.connectionId},
                {"ROLLO_USER", deed.user},
                {"ROLLO_ADDRESS", deed.address},
                {"ROLLO_VM", deed.vmUuid.toString()},
                {"ROLLO_DEVICE", deed.device}});
}

}  // namespace rollo::agent
