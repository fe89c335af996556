// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/console_outlet.hpp"

namespace rollo::virt {

void ConsoleOutlet::tell(core::ConsoleObservation observation) {
    if (!closed_) report_(std::move(observation));
}

}  // namespace rollo::virt
