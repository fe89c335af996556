// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/control_link.hpp"

#include <random>
#include <utility>

#include "common/log.hpp"

namespace rollo::virt {

namespace log = common::log;

namespace {

/// Threads that hang in a daemon which does not answer; more of them would not help.
constexpr std::size_t mostStuck = 3;

}  // namespace

ControlLink::ControlLink(const Settings& settings, std::shared_ptr<EventLoop> loop,
                         std::shared_ptr<Outlet> outlet)
    : settings_(settings),
      loop_(std::move(loop)),
      outlet_(std::move(outlet)),
      events_(std::make_shared<std::atomic<std::uint64_t>>(0)),
      results_(std::make_shared<common::TaskQueue>()),
      backOff_(settings.backOffFirst, settings.backOffLongest, std::random_device()()),
      socket_(settings.uri) {}

ControlLink::~ControlLink() {
    results_->close();
    if (worker_) worker_->giveUp();
}

void ControlLink::start(common::Monotonic now) {
    open(now);
}

void ControlLink::tick(common::Monotonic now) {
    results_->drain();
    const bool cameBack = stuck_.reap() > 0;
    if (state_ == State::stopped) return;
    const auto limit =
        state_ == State::opening ? settings_.openDeadline : settings_.controlDeadline;
    if (worker_ && session_ && session_->progress().overdue(*worker_, now, limit)) giveUp(now);
    if (state_ != State::waiting) return;
    // A daemon that answers those who hung, or that made its socket anew, is worth an attempt.
    if (socket_.changed() || cameBack) {
        backOff_.reset();
        retryAt(now);
    }
    if (now >= nextAttempt_ && stuck_.size() < mostStuck) open(now);
}

void ControlLink::open(common::Monotonic now) {
    state_ = State::opening;
    ++generation_;
    retryAt(now + backOff_.next());
    static_cast<void>(socket_.changed());  // what changes from here on is worth another attempt
    if (!worker_) {
        worker_ = std::make_unique<common::Worker>("virt-control");
        token_ = makeToken();
    }
    session_ = makeSession();
    post([results = results_, generation = generation_, this](ControlSession& session) {
        if (session.open()) results->post([this, generation] { onOpened(generation); });
    });
}

std::shared_ptr<ControlSession> ControlLink::makeSession() {
    auto sink = std::make_shared<EventSink>(EventSink{outlet_, generation_, events_});
    auto onLost = [loop = loop_, outlet = outlet_, results = results_, this](
                      Generation generation, const std::string& reason) {
        loop->post([outlet, generation, reason] { outlet->lost(generation, reason); });
        results->post([this, generation] { this->onLost(generation); });
    };
    return std::make_shared<ControlSession>(
        ControlSession::Context{settings_, loop_, std::move(sink), std::move(onLost)});
}

void ControlLink::post(std::function<void(ControlSession&)> task) {
    worker_->post([token = token_, session = session_, task = std::move(task)] {
        task(*session);
        if (session->abandoned()) session->close();
    });
}

void ControlLink::onOpened(Generation generation) {
    if (generation != generation_ || state_ != State::opening) return;
    state_ = State::open;
    ++opened_;
    backOff_.reset();
    log::info("connected to {}", settings_.uri);
}

void ControlLink::onLost(Generation generation) {
    if (generation != generation_ || state_ == State::stopped || state_ == State::waiting) return;
    if (state_ == State::open) log::warning("the connection to {} is lost", settings_.uri);
    state_ = State::waiting;
    closeSession();
}

void ControlLink::closeSession() {
    if (!session_) return;
    post([](ControlSession& session) { session.close(); });
    session_.reset();
}

void ControlLink::giveUp(common::Monotonic now) {
    log::warning("libvirt does not answer at {}: its connection is given up", settings_.uri);
    ++givenUp_;
    stuck_.add(token_);
    token_.reset();
    session_->abandon();
    worker_->giveUp();
    worker_.reset();
    session_.reset();
    state_ = State::waiting;
    retryAt(std::max(nextAttempt_, now));
    loop_->post(
        [outlet = outlet_, generation = generation_] { outlet->lost(generation, "timeout"); });
}

void ControlLink::describe(const proto::Uuid& uuid) {
    if (!session_ || state_ == State::waiting) return;
    post([uuid](ControlSession& session) { session.describe(uuid); });
}

void ControlLink::list() {
    if (!session_ || state_ == State::waiting) return;
    post([](ControlSession& session) { session.list(); });
}

void ControlLink::beginStop() {
    state_ = State::stopped;
    if (session_) session_->abandon();
    closeSession();
}

bool ControlLink::finish(std::chrono::milliseconds limit) {
    if (!worker_) return stuck_.size() == 0;
    const bool ended = worker_->finish(limit);
    worker_.reset();
    return ended && stuck_.size() == 0;
}

}  // namespace rollo::virt
