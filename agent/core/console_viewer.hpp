// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/core/conversation.hpp"

namespace rollo::core {

/// One connection to `/ws/console/{vm}`.
class ConsoleViewer {
  public:
    struct Opening {
        std::string vm;  ///< an id, a UUID or a name, as it stands in the path
        std::optional<std::string> device;
        bool readOnly = false;     ///< `mode=ro`
        bool forceDevice = false;  ///< `force=device`
        bool binary = false;       ///< the subprotocol `rollo.console.v1`
        std::optional<std::uint64_t> tail;
        std::optional<std::uint64_t> from;
        /// The agent's epoch that `from` is about; in another one it means nothing.
        std::optional<std::string> epoch;
        std::string connectionId;
        std::string address;  ///< of the client, for the log and for whoever asks who watches
    };
};

}  // namespace rollo::core
