// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "agent/core/console_condition.hpp"
#include "agent/core/console_context.hpp"
#include "agent/core/log_join.hpp"
#include "agent/core/scrollback.hpp"

namespace rollo::core {

/// The stream of one console, over all the streams that libvirt gives one after the other: when one
/// is opened, what comes by it, how that joins what is known, and why there is none at present.
/// Thread: main.
class ConsoleAttachment {
  public:
    ConsoleAttachment(Console& console, proto::Uuid vm, std::string alias, ConsoleContext& context,
                      Scrollback& scrollback);
    ~ConsoleAttachment();
    ConsoleAttachment(const ConsoleAttachment&) = delete;
    ConsoleAttachment& operator=(const ConsoleAttachment&) = delete;

    ConsoleCondition condition() const;
    /// False: the first attempt is still under way, so that nothing can be said yet.
    bool settled() const;
    /// There is a stream, or an attempt to have one.
    bool present() const { return stream_ != 0; }

    void vmStarts(std::optional<std::string> bootId, common::Monotonic now);
    /// What the stream still brings is waited for.
    void vmStops(std::optional<std::string> bootId, bool wanted, common::Monotonic now);
    /// True once, when a stop is complete: nothing more of that boot comes.
    bool takeStopped() { return std::exchange(stopped_, false); }
    void vmReboots(std::optional<std::string> bootId) {
        scrollback_.mark(Scrollback::Mark::Kind::reboot, std::move(bootId));
    }

    void take(const ConsoleObservation& observation, common::Monotonic now);
    void look(bool wanted, bool hasViewers, common::Monotonic now);
    std::optional<common::Monotonic> due(bool wanted) const;
    /// The next attempt is at once; by force it takes the device from whoever has it.
    void hurry(bool force, common::Monotonic now);
    /// Nobody is there any more who has asked for that.
    void forgetForce() { force_ = false; }
    void close(common::Monotonic now);
    /// The stream has just ended, or is being opened: what comes of that will be known in a moment,
    /// and nobody needs to hear of it before.
    bool undecided(common::Monotonic now) const {
        return now < undecidedUntil_ && phase_ != Phase::open && !failure_ && mayOpen();
    }

    /// Whether there is anything that could take input, sooner or later.
    bool mayType() const;
    /// Whether the next piece may be handed over.
    bool takesInput() const;
    void send(std::string bytes);
    /// Bytes that were handed over and may not have reached the device, since the last call.
    std::size_t takeInputLost() { return std::exchange(inputLost_, 0); }

  private:
    enum class Phase { none, opening, open, ended };

    void on(const ConsoleOpened& opened, common::Monotonic now);
    void on(const ConsoleFailed& failed, common::Monotonic now);
    void on(const ConsoleEnded& ended, common::Monotonic now);
    void on(const ConsoleReadable& readable, common::Monotonic now);
    void on(const ConsoleInputTaken& taken, common::Monotonic now);
    void on(const ConsoleLogRead& read, common::Monotonic now);

    const Vm* vm() const { return context_.state.find(vm_); }
    bool vmRuns() const;
    const ConsoleDevice* device() const;
    bool mayOpen() const;
    void open(bool hasViewers, common::Monotonic now);
    void retryLater(common::Monotonic now);
    bool mayReadFile() const;
    void readFile(common::Monotonic now);
    void noteLibvirt(common::Monotonic now);
    void takeOutput(common::Monotonic now);
    void begin(const std::optional<ConsoleLog>& log, common::Monotonic now);
    void add(LogJoin::Found found);
    void serveJoin(common::Monotonic now);
    void finishJoin();
    void finishStop(common::Monotonic now);

    Console& console_;
    proto::Uuid vm_;
    std::string alias_;
    ConsoleContext& context_;
    Scrollback& scrollback_;

    Phase phase_ = Phase::none;
    StreamId stream_ = 0;
    std::optional<ConsoleFailure> failure_;  ///< of the last attempt
    bool full_ = false;                      ///< the host has as many streams as it may
    bool ousted_ = false;                    ///< the last stream ended though the guest went on
    bool force_ = false;
    bool everOpened_ = false;
    bool libvirtConnected_ = false;  ///< when that was last looked at
    bool newBoot_ = false;           ///< not attached since the guest has started
    bool heardEnd_ = false;          ///< the stream ended, as it does when the guest is gone
    bool othersHadIt_ = false;       ///< since the guest has started
    std::optional<LogJoin> join_;
    std::optional<LogJoin::Place> logEnd_;  ///< of what is in the scrollback
    std::optional<std::string> bootId_;     ///< of the boot that ends
    /// The guest has stopped, or the stream ended: until then its last words may come.
    std::optional<common::Monotonic> lastWordsUntil_;
    bool stopping_ = false;
    bool fileRead_ = false;  ///< since the guest has stopped, or there is no need
    bool stopped_ = false;
    common::Monotonic retryAt_{};
    std::chrono::milliseconds backOff_{0};
    common::Monotonic undecidedUntil_{};
    std::size_t inFlight_ = 0;
    std::size_t inputLost_ = 0;
};

}  // namespace rollo::core
