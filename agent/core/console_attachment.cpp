// SPDX-License-Identifier: Apache-2.0
#include "agent/core/console_attachment.hpp"

#include <algorithm>
#include <variant>

#include "agent/core/lifecycle.hpp"

namespace rollo::core {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t latestForJoin = 4096;
/// Of a stream that has ended, or whose guest has.
constexpr milliseconds lastWords{2000};
/// A guest that stops ends its stream, at times before libvirt says so.
constexpr milliseconds stopFollows{500};
/// Libvirt has answered by then, unless something is wrong.
constexpr milliseconds usuallyOpen{1000};
constexpr milliseconds firstRetry{250};
constexpr milliseconds lastRetry{5000};

bool takesInput(const Vm& vm) {
    return vm.info.status != proto::VmStatus::paused &&
           vm.info.status != proto::VmStatus::suspended &&
           vm.info.status != proto::VmStatus::crashed &&
           vm.info.status != proto::VmStatus::unresponsive;
}

}  // namespace

ConsoleAttachment::ConsoleAttachment(Console& console, proto::Uuid vm, std::string alias,
                                     ConsoleContext& context, Scrollback& scrollback)
    : console_(console),
      vm_(vm),
      alias_(std::move(alias)),
      context_(context),
      scrollback_(scrollback) {}

ConsoleAttachment::~ConsoleAttachment() {
    if (stream_ == 0) return;
    context_.hypervisor.closeConsole(stream_);
    context_.streams.erase(stream_);
}

// --- how it is -----------------------------------------------------------------------------------

bool ConsoleAttachment::vmRuns() const {
    const Vm* known = vm();
    return known && hasProcess(known->info.status) && !stopping_;
}

const ConsoleDevice* ConsoleAttachment::device() const {
    const Vm* known = vm();
    if (!known) return nullptr;
    const auto found = std::ranges::find(known->consoles, alias_, &ConsoleDevice::alias);
    return found == known->consoles.end() ? nullptr : &*found;
}

bool ConsoleAttachment::mayOpen() const {
    const ConsoleDevice* known = device();
    return context_.settings.enabled && context_.state.server.libvirtConnected && vmRuns() &&
           known && known->openable();
}

bool ConsoleAttachment::settled() const {
    return everOpened_ || failure_ || full_ || !mayOpen();
}

ConsoleCondition ConsoleAttachment::condition() const {
    const Vm* known = vm();
    return conditionOf({.libvirtConnected = context_.state.server.libvirtConnected,
                        .vmExists = known != nullptr,
                        .vmRuns = vmRuns(),
                        .vmTakesInput = known && core::takesInput(*known),
                        .open = phase_ == Phase::open,
                        .device = device(),
                        .full = full_,
                        .ousted = ousted_,
                        .failure = failure_});
}

// --- the VM --------------------------------------------------------------------------------------

void ConsoleAttachment::vmStarts(std::optional<std::string> bootId, common::Monotonic now) {
    if (stopping_) finishStop(now);
    close(now);
    scrollback_.beginBoot(std::move(bootId));
    newBoot_ = true;
    othersHadIt_ = false;
    heardEnd_ = false;
    force_ = false;
    ousted_ = false;
    failure_.reset();
    backOff_ = {};
    retryAt_ = now;
}

void ConsoleAttachment::vmStops(std::optional<std::string> bootId, bool wanted,
                                common::Monotonic now) {
    stopping_ = true;
    bootId_ = std::move(bootId);
    fileRead_ = join_ || !wanted;
    if (phase_ == Phase::none || phase_ == Phase::opening) {
        if (!mayReadFile()) return finishStop(now);
        if (phase_ == Phase::none) return readFile(now);
    }
    if (join_) join_->endStream(now);
    if (!lastWordsUntil_) lastWordsUntil_ = now + lastWords;
    serveJoin(now);
}

/// A process that is killed takes its terminal along, and what nobody had read of it; and whoever
/// had no stream has missed more. The file has it, if the place is known where it goes on.
bool ConsoleAttachment::mayReadFile() const {
    const ConsoleDevice* named = device();
    return !fileRead_ && named && named->openable() && named->log && (logEnd_ || !heardEnd_);
}

/// An attempt comes too late for the stream of a guest that has stopped, but it reads the file.
void ConsoleAttachment::readFile(common::Monotonic now) {
    const bool heardEnd = heardEnd_;
    close(now);
    heardEnd_ = heardEnd;
    fileRead_ = true;
    open(false, now);
    lastWordsUntil_ = now + lastWords;
}

void ConsoleAttachment::finishStop(common::Monotonic now) {
    // Nobody was there when it said its last.
    if ((phase_ == Phase::none || phase_ == Phase::opening) && !heardEnd_)
        scrollback_.skipUnknown();
    if (phase_ == Phase::open) takeOutput(now);
    finishJoin();
    close(now);
    stopping_ = false;
    stopped_ = true;
    scrollback_.mark(Scrollback::Mark::Kind::stopped, std::move(bootId_));
    bootId_.reset();
}

// --- the stream ----------------------------------------------------------------------------------

/// A daemon that is frozen lets its streams go on afterwards, without what did not fit into its
/// buffers meanwhile.
void ConsoleAttachment::noteLibvirt(common::Monotonic now) {
    const bool connected = context_.state.server.libvirtConnected;
    if (!std::exchange(libvirtConnected_, connected) || connected) return;
    heardEnd_ = false;  // it was the connection's
    if (phase_ != Phase::open) return;
    const ConsoleDevice* named = device();
    if (named && named->log) return close(now);
    finishJoin();
    scrollback_.skipUnknown();
}

void ConsoleAttachment::look(bool wanted, bool hasViewers, common::Monotonic now) {
    noteLibvirt(now);
    if (lastWordsUntil_) {
        const bool over = phase_ == Phase::ended && !join_;
        if (!over && now < *lastWordsUntil_) return serveJoin(now);
        if (over && stopping_ && mayReadFile()) return readFile(now);
        if (stopping_) return finishStop(now);
        close(now);
    }
    if (!wanted && !stopping_) close(now);
    if (wanted && phase_ == Phase::none && now >= retryAt_ && mayOpen()) open(hasViewers, now);
    serveJoin(now);
}

std::optional<common::Monotonic> ConsoleAttachment::due(bool wanted) const {
    std::optional<common::Monotonic> due = lastWordsUntil_;
    const auto take = [&due](std::optional<common::Monotonic> at) {
        if (at) due = due ? std::min(*due, *at) : at;
    };
    if (join_) take(join_->due());
    if (wanted && phase_ == Phase::none && mayOpen()) take(retryAt_);
    return due;
}

void ConsoleAttachment::open(bool hasViewers, common::Monotonic now) {
    full_ = !context_.makeRoom(hasViewers, now);
    if (full_) return retryLater(now);
    const ConsoleDevice* named = device();
    stream_ = ++context_.lastStream;
    context_.streams[stream_] = &console_;
    phase_ = Phase::opening;
    undecidedUntil_ = now + usuallyOpen;
    context_.hypervisor.openConsole(stream_,
                                    {vm_, alias_, named->log, std::exchange(force_, false)});
}

void ConsoleAttachment::close(common::Monotonic now) {
    force_ = false;
    if (stream_ == 0) return;
    if (phase_ == Phase::open) takeOutput(now);
    // What is held back stands in the file as well, and is found there when it is opened again.
    if (join_ && !join_->done()) {
        heardEnd_ = false;
        logEnd_ = join_->end();
        join_.reset();
    }
    finishJoin();
    context_.hypervisor.closeConsole(stream_);
    context_.streams.erase(stream_);
    stream_ = 0;
    phase_ = Phase::none;
    lastWordsUntil_.reset();
    inputLost_ += std::exchange(inFlight_, 0);
}

void ConsoleAttachment::hurry(bool force, common::Monotonic now) {
    if (phase_ == Phase::open) return;
    force_ = force_ || (force && mayOpen());
    retryAt_ = now;
}

void ConsoleAttachment::retryLater(common::Monotonic now) {
    backOff_ = std::clamp(2 * backOff_, firstRetry, lastRetry);
    retryAt_ = now + backOff_;
}

void ConsoleAttachment::take(const ConsoleObservation& observation, common::Monotonic now) {
    std::visit([&](const auto& each) { on(each, now); }, observation);
}

void ConsoleAttachment::on(const ConsoleOpened& opened, common::Monotonic now) {
    phase_ = Phase::open;
    failure_.reset();
    ousted_ = false;
    backOff_ = {};
    heardEnd_ = false;
    begin(opened.log, now);
    serveJoin(now);
}

/// What can be said of what came before the stream.
void ConsoleAttachment::begin(const std::optional<ConsoleLog>& log, common::Monotonic now) {
    const ConsoleDevice* named = device();
    LogJoin::Known known;
    known.latest = scrollback_.latest(latestForJoin);
    known.end = logEnd_;
    known.nothing = !everOpened_;
    known.newTerminal = newBoot_ && !othersHadIt_;
    known.logBegan = newBoot_ && named && named->log && !named->log->append;
    everOpened_ = true;
    newBoot_ = false;
    join_.emplace(known, log, now);
    LogJoin::Found found = join_->takeFirst();
    // The next start may have begun the file anew already; then the stream's end is the end.
    if (stopping_ && heardEnd_ && found.gap) found = {};
    add(std::move(found));
    logEnd_ = join_->end();
}

void ConsoleAttachment::on(const ConsoleFailed& failed, common::Monotonic now) {
    if (stopping_ && failed.log) {
        begin(failed.log, now);
        join_.reset();
        phase_ = Phase::ended;
        return finishStop(now);
    }
    failure_ = failed.failure;
    if (failed.failure == ConsoleFailure::inUse) {
        othersHadIt_ = true;
        heardEnd_ = false;
    }
    ousted_ = ousted_ && failed.failure == ConsoleFailure::inUse;
    context_.streams.erase(stream_);
    context_.hypervisor.closeConsole(stream_);
    stream_ = 0;
    phase_ = Phase::none;
    retryLater(now);
}

void ConsoleAttachment::on(const ConsoleEnded& ended, common::Monotonic now) {
    takeOutput(now);
    phase_ = Phase::ended;
    inputLost_ += ended.inputLost;
    inFlight_ = 0;
    ousted_ = !stopping_;
    heardEnd_ = true;
    undecidedUntil_ = now + stopFollows;
    retryAt_ = now + firstRetry;
    if (join_ && stopping_) join_->endStream(now);
    if (!lastWordsUntil_) lastWordsUntil_ = now + (stopping_ ? lastWords : stopFollows);
    serveJoin(now);
}

void ConsoleAttachment::on(const ConsoleReadable&, common::Monotonic now) {
    takeOutput(now);
    serveJoin(now);
}

void ConsoleAttachment::on(const ConsoleInputTaken&, common::Monotonic) {
    inFlight_ = 0;
}

void ConsoleAttachment::on(const ConsoleLogRead& read, common::Monotonic now) {
    if (!join_) return;
    join_->take(read.log, now);
    serveJoin(now);
}

void ConsoleAttachment::takeOutput(common::Monotonic now) {
    ConsoleOutput output = context_.hypervisor.takeConsoleOutput(stream_);
    context_.figures.outputBytes += output.bytes.size();
    context_.figures.droppedBytes += output.dropped;
    if (output.dropped > 0) {
        finishJoin();
        logEnd_.reset();
        scrollback_.skip(output.dropped);
    }
    if (output.bytes.empty()) return;
    if (join_ && !join_->done()) return join_->hold(output.bytes, now);
    if (logEnd_) logEnd_->offset += output.bytes.size();
    scrollback_.append(output.bytes);
}

void ConsoleAttachment::serveJoin(common::Monotonic now) {
    if (!join_) return;
    const auto from = join_->wantsLog(now);
    if (join_->done()) return finishJoin();
    if (from) context_.hypervisor.readConsoleLog(stream_, *from);
}

void ConsoleAttachment::finishJoin() {
    if (!join_) return;
    add(join_->finish());
    logEnd_ = join_->end();
    join_.reset();
}

void ConsoleAttachment::add(LogJoin::Found found) {
    if (found.gap) scrollback_.skipUnknown();
    scrollback_.append(found.bytes);
}

// --- input ---------------------------------------------------------------------------------------

bool ConsoleAttachment::mayType() const {
    return !stopping_ && (phase_ == Phase::open || (phase_ == Phase::opening && !settled()));
}

bool ConsoleAttachment::takesInput() const {
    const Vm* known = vm();
    return phase_ == Phase::open && !stopping_ && inFlight_ == 0 && known &&
           core::takesInput(*known);
}

void ConsoleAttachment::send(std::string bytes) {
    inFlight_ = bytes.size();
    context_.figures.inputBytes += bytes.size();
    context_.hypervisor.sendConsole(stream_, std::move(bytes));
}

}  // namespace rollo::core
