// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/core/hypervisor.hpp"
#include "agent/core/observation.hpp"
#include "agent/virt/settings.hpp"
#include "common/clock.hpp"

namespace rollo::virt {

/// Libvirt as the core sees it: a connection that is kept up and tells everything in order, and
/// samples every interval. Owns all threads of the folder.
/// Thread: main, all member functions; none of them waits, but for `stop` within its limit.
class LibvirtHypervisor final : public core::Hypervisor {
  public:
    /// Called on libvirt's event thread alone, in order. May be called until `stop` returns.
    using Report = std::function<void(core::Observation)>;
    /// Called on the same thread, in order with the former.
    using ConsoleReport = std::function<void(core::ConsoleObservation)>;

    LibvirtHypervisor(Settings settings, Report report, ConsoleReport consoleReport);
    /// Stops, with a short limit, if nobody has.
    ~LibvirtHypervisor() override;
    LibvirtHypervisor(const LibvirtHypervisor&) = delete;
    LibvirtHypervisor& operator=(const LibvirtHypervisor&) = delete;

    /// Called on any thread when `tick` has something to do before it is due. Before `start`.
    void setWake(const std::function<void()>& wake);
    /// Registers libvirt's event implementation, starts its thread, then begins to connect.
    void start();
    void describe(const proto::Uuid& uuid) override;
    void list() override;
    void openConsole(core::StreamId stream, const ConsoleTarget& target) override;
    void closeConsole(core::StreamId stream) override;
    void sendConsole(core::StreamId stream, std::string bytes) override;
    core::ConsoleOutput takeConsoleOutput(core::StreamId stream) override;
    void readConsoleLog(core::StreamId stream, std::uint64_t from) override;
    /// Takes effect with the next sample.
    void setSampleInterval(std::chrono::milliseconds interval);
    /// Deadlines, giving up, back-off, samples that are due. About four times a second.
    void tick(common::Monotonic now);
    /// Deregisters, closes, ends the threads. What does not end in time is left to itself.
    /// Returns whether everything ended.
    bool stop(std::chrono::milliseconds limit);

    struct Figures {
        bool connected = false;
        std::uint64_t reconnects = 0;  ///< connections that were opened after the first
        std::uint64_t events = 0;      ///< callbacks of libvirt, whatever became of them
        std::uint64_t givenUpCalls = 0;
        std::uint64_t stuckCalls = 0;  ///< given up and not yet returned
        std::chrono::milliseconds lastSample{0};
        std::uint64_t openConsoles = 0;        ///< streams that the core has, or waits for
        std::uint64_t consolesGivenUp = 0;     ///< streams whose connection hung, since the start
        std::uint64_t consolesLeftBehind = 0;  ///< of them, those that still hang
    };
    Figures figures() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace rollo::virt
