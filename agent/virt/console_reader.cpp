// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/console_reader.hpp"

#include <array>
#include <chrono>
#include <utility>

#include "common/log.hpp"

namespace rollo::virt {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds pause{15};
constexpr int off = -1;
/// A stream ends with an event of its own in some drivers; in the remote one by being readable.
constexpr int everything =
    VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP;

using Reference = std::shared_ptr<ConsoleReader>;

void freeReference(void* opaque) noexcept {
    delete static_cast<Reference*>(opaque);
}

}  // namespace

ConsoleReader::ConsoleReader(core::StreamId id, std::size_t mostStaged,
                             std::shared_ptr<EventLoop> loop, std::shared_ptr<ConsoleOutlet> outlet)
    : id_(id), loop_(std::move(loop)), outlet_(std::move(outlet)), staging_(mostStaged) {}

void ConsoleReader::start(virStreamPtr stream, std::optional<core::ConsoleLog> log) {
    loop_->post([self = shared_from_this(), stream, log = std::move(log)]() mutable {
        self->tell(core::ConsoleOpened{self->id_, std::move(log)});
        self->listen(stream);
        self->look(false, false);
    });
}

void ConsoleReader::listen(virStreamPtr stream) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stream_ = stream;
    reference_ = std::make_unique<Reference>(shared_from_this());
    if (virStreamEventAddCallback(stream, everything, onEvents, reference_.get(), nullptr) < 0) {
        over_ = true;
        reference_.reset();
    }
    auto timers = std::make_unique<Reference>(shared_from_this());
    timer_ = virEventAddTimeout(off, onTimer, timers.get(), freeReference);
    if (timer_ >= 0) static_cast<void>(timers.release());  // libvirt's now
}

void ConsoleReader::end() {
    loop_->post([self = shared_from_this()] { self->look(true, false); });
}

void ConsoleReader::stop() {
    std::unique_ptr<Reference> reference;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        if (!stream_) return;
        if (timer_ >= 0) virEventRemoveTimeout(timer_);
        if (reference_) virStreamEventRemoveCallback(stream_);
        stream_ = nullptr;
        reference = std::move(reference_);
    }
    // The callback may be running, or about to: it is over when the loop has time for this.
    loop_->post([reference = std::shared_ptr<Reference>(std::move(reference))] {});
}

core::ConsoleOutput ConsoleReader::take() {
    const std::lock_guard lock(mutex_);
    return staging_.take();
}

void ConsoleReader::tellLater(core::ConsoleObservation observation) {
    loop_->post([self = shared_from_this(), observation = std::move(observation)]() mutable {
        self->tell(std::move(observation));
    });
}

void ConsoleReader::inputTaken() {
    loop_->post([self = shared_from_this()] {
        self->look(false, false);
        if (self->ended_) return;
        self->inputInDoubt_ = 0;
        self->tell(core::ConsoleInputTaken{self->id_});
    });
}

void ConsoleReader::tell(core::ConsoleObservation observation) {
    if (!silent_) outlet_->tell(std::move(observation));
}

void ConsoleReader::look(bool over, bool paused) {
    bool readable = false;
    bool ended = false;
    {
        const std::lock_guard lock(mutex_);
        over_ = over_ || over;
        if (!stream_ || ended_) return;
        const Drained drained = drain();
        over_ = over_ || drained.over;
        readable = staging_.toTell();
        ended = ended_ = over_;
        pauseOrResume(drained.something, paused);
    }
    if (readable) tell(core::ConsoleReadable{id_});
    if (ended) tell(core::ConsoleEnded{id_, inputInDoubt_});
}

/// Never waits; libvirt has read it from its socket already.
ConsoleReader::Drained ConsoleReader::drain() {
    std::array<char, 16384> buffer;
    Drained drained;
    while (true) {
        const int got = virStreamRecv(stream_, buffer.data(), buffer.size());
        if (got <= 0) {
            drained.over = got != -2;  // which says that nothing is there
            return drained;
        }
        drained.something = true;
        printed_ = true;
        staging_.append({buffer.data(), static_cast<std::size_t>(got)});
    }
}

/// The first output after a silence is taken at once, and so is the next; what follows closely
/// waits for the timer.
void ConsoleReader::pauseOrResume(bool something, bool paused) {
    const auto now = Clock::now();
    const bool closely = now - lastOutput_ < pause || paused;
    if (something) lastOutput_ = now;
    if (ended_ || timer_ < 0) {
        if (ended_ && reference_) virStreamEventUpdateCallback(stream_, 0);
        if (timer_ >= 0) virEventUpdateTimeout(timer_, off);
    } else if (something && closely) {
        virStreamEventUpdateCallback(stream_, 0);
        virEventUpdateTimeout(timer_, static_cast<int>(pause.count()));
    } else if (paused) {
        virEventUpdateTimeout(timer_, off);
        virStreamEventUpdateCallback(stream_, everything);
    }
}

void ConsoleReader::onEvents(virStreamPtr, int events, void* opaque) noexcept {
    try {
        const Reference self = *static_cast<Reference*>(opaque);
        self->look((events & (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP)) != 0, false);
    } catch (const std::exception& error) {
        common::log::error("a console's output was lost: {}", error.what());
    }
}

void ConsoleReader::onTimer(int, void* opaque) noexcept {
    try {
        const Reference self = *static_cast<Reference*>(opaque);
        self->look(false, true);
    } catch (const std::exception& error) {
        common::log::error("a console's output was lost: {}", error.what());
    }
}

}  // namespace rollo::virt
