// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "agent/virt/console_outlet.hpp"
#include "agent/virt/console_staging.hpp"
#include "agent/virt/event_thread.hpp"
#include "common/clock.hpp"

namespace rollo::virt {

/// Takes what a stream has as soon as it comes, for libvirt's client library buffers without bound
/// what nobody takes, and tells of it and of the end. A serial line that floods would be called
/// back 11,000 times a second: from its second packet within `pause` on it is looked at once in
/// that time.
/// Shared by the stream's session, libvirt's callbacks and the main thread, so that whichever is
/// last finds it alive.
/// Thread: libvirt events, unless said otherwise.
class ConsoleReader : public std::enable_shared_from_this<ConsoleReader> {
  public:
    ConsoleReader(core::StreamId id, std::size_t mostStaged, std::shared_ptr<EventLoop> loop,
                  std::shared_ptr<ConsoleOutlet> outlet);
    ConsoleReader(const ConsoleReader&) = delete;
    ConsoleReader& operator=(const ConsoleReader&) = delete;

    /// Any thread: tells ConsoleOpened, then begins to read. The stream is the caller's; it must
    /// stay until `stop`.
    void start(virStreamPtr stream, std::optional<core::ConsoleLog> log);
    /// Any thread: takes what has come, then tells ConsoleEnded, if nobody has yet.
    void end();
    /// Any thread, before the stream is aborted, which would let libvirt's loop spin otherwise.
    /// Does not touch the stream any more once this has returned.
    void stop();
    /// Any thread.
    core::ConsoleOutput take();
    /// Any thread: set whenever something has come; whoever is interested takes it back.
    std::atomic<bool>& printed() { return printed_; }
    /// Any thread: nothing is told any more.
    void silence() { silent_ = true; }
    /// Any thread: tells it behind what was told before.
    void tellLater(core::ConsoleObservation observation);

    /// Any thread: what ConsoleEnded will call lost.
    void inputInDoubt(std::size_t bytes) { inputInDoubt_ = bytes; }
    /// Any thread: tells ConsoleInputTaken, unless the stream has ended before.
    void inputTaken();

  private:
    static void onEvents(virStreamPtr, int events, void* opaque) noexcept;
    static void onTimer(int timer, void* opaque) noexcept;

    struct Drained {
        bool something = false;
        bool over = false;
    };

    void listen(virStreamPtr stream);
    /// Takes what has come; `over`: and that was all. `paused`: the pause is over.
    void look(bool over, bool paused);
    Drained drain();
    void pauseOrResume(bool something, bool paused);
    void tell(core::ConsoleObservation observation);

    const core::StreamId id_;
    const std::shared_ptr<EventLoop> loop_;
    const std::shared_ptr<ConsoleOutlet> outlet_;
    std::atomic<bool> silent_ = false;
    std::atomic<bool> printed_ = false;
    std::atomic<std::size_t> inputInDoubt_ = 0;

    std::mutex mutex_;
    ConsoleStaging staging_;
    virStreamPtr stream_ = nullptr;  ///< nothing before it listens and after it was stopped
    bool stopped_ = false;
    bool over_ = false;   ///< nothing more will come
    bool ended_ = false;  ///< and that was told
    /// The callback's own, since libvirt never calls the function that would free it.
    std::unique_ptr<std::shared_ptr<ConsoleReader>> reference_;
    int timer_ = -1;
    common::Monotonic lastOutput_{};
};

}  // namespace rollo::virt
