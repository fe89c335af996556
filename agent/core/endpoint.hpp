// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "agent/core/host_state.hpp"
#include "agent/core/principal.hpp"
#include "agent/core/subscription.hpp"
#include "proto/codes.hpp"

namespace rollo::core {

/// The event endpoints, with what their path names.
struct MonitorEndpoint {};
struct VmEndpoint {
    std::string vm;  ///< an id, a UUID or a name, as it stands in the path
};
struct ServerEndpoint {
    std::string server;  ///< an id, or `self`
};
using EventEndpoint = std::variant<MonitorEndpoint, VmEndpoint, ServerEndpoint>;

/// What a text names a VM by: digits are always an id, then comes a UUID, then a name. Nothing for
/// digits that no id has, and where there is no text.
std::optional<VmScope> vmNamedBy(const std::string& text);

/// The VM that a path names. Null where there is none that this principal may see.
const Vm* findVm(const HostState& state, const std::string& text, const Principal& principal);

/// An endpoint as somebody opened it. One that names a VM by UUID or name stays with that VM,
/// whatever becomes of its name and id.
class OpenedEndpoint {
  public:
    OpenedEndpoint(EventEndpoint endpoint, const HostState& state, const Principal& principal);

    /// Why that principal may not be here; nothing if it may.
    std::optional<proto::Farewell> refusal(const HostState& state,
                                           const Principal& principal) const;
    /// True where the path itself says what is wanted.
    bool startsSubscribed() const;
    /// What is wanted before anybody has asked.
    Rule rule() const;
    /// How `room_stats` counts it: `monitor`, `vm:ID`, `server:ID`.
    std::string room(const HostState& state) const;

  private:
    EventEndpoint endpoint_;
    std::optional<proto::Uuid> vm_;
};

}  // namespace rollo::core
