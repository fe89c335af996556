// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/core/console.hpp"
#include "agent/core/console_context.hpp"
#include "proto/events.hpp"

namespace rollo::core {

/// The device of that alias, or the one that libvirt opens by default; null where there is none.
const ConsoleDevice* findDevice(const Vm& vm, const std::optional<std::string>& alias);

/// All consoles of the host that somebody has asked for, or that are configured to be kept.
/// Thread: main.
class Consoles {
  public:
    /// `record` is told what an administrator wants to know.
    Consoles(const ConsoleSettings& settings, const HostState& state, Hypervisor& hypervisor,
             std::function<void(const ConsoleDeed&)> record);
    Consoles(const Consoles&) = delete;
    Consoles& operator=(const Consoles&) = delete;

    const ConsoleSettings& settings() const { return context_.settings; }
    /// Limits of scrollbacks hold for consoles that are new from then on.
    void reconfigure(const ConsoleSettings& settings, const common::Now& now);

    /// That device's; made if there was none. Stays while it has viewers.
    Console& at(const proto::Uuid& vm, const std::string& alias);
    /// Null where nobody has asked for it.
    const Console* find(const proto::Uuid& vm, const std::string& alias) const;

    /// How many of all viewers are that user's.
    std::size_t viewersOf(const std::string& user) const;

    void apply(const ConsoleObservation& observation, const common::Now& now);
    /// An event that clients were told.
    void follow(const proto::Event& event, const common::Now& now);
    /// Attaches to what is configured, forgets what nobody needs. About once a second.
    void tick(const common::Now& now);
    /// Does what is due.
    void look(const common::Now& now);
    /// When `look` has something to do, if nothing happens before.
    std::optional<common::Monotonic> due(const common::Now& now) const;

    /// Keeps for the administrator what somebody did without being a viewer.
    void record(const ConsoleDeed& deed) const {
        if (context_.record) context_.record(deed);
    }

    struct Figures : ConsoleContext::Figures {
        std::size_t attached = 0;  ///< or attaching
        std::size_t viewers = 0;
        std::size_t keptBytes = 0;  ///< of all scrollbacks
    };
    Figures figures() const;

  private:
    using Key = std::pair<proto::Uuid, std::string>;

    template <class Visit>
    void ofVm(const proto::Uuid& vm, Visit visit);
    bool makeRoom(bool hasViewers, common::Monotonic now);
    /// Makes the consoles of a VM that are to be attached whoever watches.
    void keepConfigured(const proto::Uuid& vm);
    void forgetUnneeded(const common::Now& now);
    void boundMemory();

    ConsoleContext context_;
    std::map<Key, std::unique_ptr<Console>> consoles_;
};

}  // namespace rollo::core
