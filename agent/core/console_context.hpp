// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "agent/core/host_state.hpp"
#include "agent/core/hypervisor.hpp"
#include "agent/core/scrollback.hpp"
#include "common/token_bucket.hpp"

namespace rollo::core {

class Console;

struct ConsoleSettings {
    bool enabled = false;
    /// Stay attached to all consoles, even if nobody watches, unless a VM's metadata says
    /// otherwise.
    bool attachAlways = false;
    /// Else: how long after the last viewer has gone.
    std::chrono::seconds linger{300};
    Scrollback::Limits scrollback;
    std::size_t totalBytes = std::size_t{128} << 20;  ///< of all scrollbacks together
    std::size_t maxAttached = 256;
    std::size_t maxPerUser = 64;                  ///< viewers of one user
    common::TokenBucket::Rate input{8192, 2048};  ///< bytes
    std::size_t inputQueueBytes = std::size_t{64} << 10;
    std::size_t viewerWindowBytes = std::size_t{256} << 10;
    std::chrono::seconds leaseIdle{600};
};

/// Something that an administrator wants to know afterwards: who did what to which console.
struct ConsoleDeed {
    std::string_view what;  ///< `attached`, `detached`, `writes`, …
    std::string user;
    std::string address;
    std::string connectionId;
    std::string vm;  ///< its name
    proto::Uuid vmUuid;
    std::string device;
};

/// What all consoles of the host work with. One; outlives them.
struct ConsoleContext {
    ConsoleSettings settings;
    const HostState& state;
    Hypervisor& hypervisor;
    std::function<void(const ConsoleDeed&)> record;

    /// The consoles that have a stream or are about to.
    std::unordered_map<StreamId, Console*> streams;
    StreamId lastStream = 0;
    /// Makes room for another stream where it can be had; for a console with viewers also by
    /// detaching one without. False: there is none.
    std::function<bool(bool hasViewers, common::Monotonic now)> makeRoom;

    struct Figures {
        std::uint64_t outputBytes = 0;
        std::uint64_t droppedBytes = 0;  ///< before they came to a scrollback
        std::uint64_t inputBytes = 0;
        std::uint64_t inputDropped = 0;
    };
    Figures figures;
};

}  // namespace rollo::core
