// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "proto/events.hpp"

namespace rollo::proto {

/// Messages of WebSockets, text and binary, and the bytes of their payloads: what a client counts
/// without looking at frames. Pings, pongs, closing frames and headers are not in it.
struct Traffic {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
};

/// `websocket_stats`: the agent's own figures. What is not a present value counts since the start.
struct WebsocketStats {
    using Counts = std::map<std::string, std::uint64_t>;
    struct Libvirt {
        bool connected = false;
        std::uint64_t reconnects = 0;
        std::uint64_t events = 0;  ///< callbacks
        Figure lastSampleMs;
        std::uint64_t staleVms = 0;    ///< whose status or figures are old
        std::uint64_t stuckCalls = 0;  ///< given up, and not returned yet
    };
    struct Process {
        double cpuSeconds = 0;
        std::uint64_t residentBytes = 0;
        std::uint64_t openFds = 0;
        double uptimeSeconds = 0;
    };
    struct Consoles {
        std::uint64_t attached = 0, viewers = 0, keptBytes = 0;
        std::uint64_t outputBytes = 0, droppedBytes = 0;
        std::uint64_t inputBytes = 0, inputDroppedBytes = 0;
    };
    struct Events {
        std::uint64_t ordered = 0;    ///< as `seq` counts them
        std::uint64_t delivered = 0;  ///< for each client
    };
    struct Loop {
        double longestTurnMs = 0;  ///< of the last one or two minutes
        std::uint64_t stalls = 0;
    };

    std::uint64_t activeConnections = 0;  ///< WebSockets that are not being closed
    Counts rooms;
    Counts connectionsByEndpoint;
    Traffic sent, received;
    double messagesPerSecond = 0, bytesPerSecond = 0;  ///< sent, over the last interval
    std::uint64_t conflated = 0;                       ///< messages that a later one replaced
    std::uint64_t slowDisconnects = 0;
    std::uint64_t shed = 0;  ///< of them, because too much waited for all clients together
    std::uint64_t authFailures = 0;
    std::uint64_t rateLimited = 0;
    Counts errorsByCode;
    Counts refusedByReason;
    Counts closedByCode;
    std::uint64_t queueBytes = 0;  ///< waiting for all clients, shared messages counted for each
    Libvirt libvirt;
    Process process;
    Consoles consoles;
    Events events;
    Loop loop;
};

}  // namespace rollo::proto
