// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/sample_lane.hpp"

#include <utility>

#include "agent/virt/error.hpp"
#include "common/log.hpp"

namespace rollo::virt {

namespace {

SampleLane::Done run(const SampleLane::Task& task, SampleSession& session) {
    try {
        return task(session);
    } catch (const LibvirtError& error) {
        common::log::info("a sample failed: {}", error.what());
        session.close();
        return nullptr;
    }
}

}  // namespace

SampleLane::SampleLane(std::string threadName, const Settings& settings,
                       std::shared_ptr<common::TaskQueue> results)
    : threadName_(std::move(threadName)), settings_(settings), results_(std::move(results)) {}

SampleLane::~SampleLane() {
    if (session_) session_->abandon();
    if (worker_) worker_->giveUp();
}

void SampleLane::begin() {
    if (worker_) return;
    worker_ = std::make_unique<common::Worker>(threadName_);
    session_ = std::make_shared<SampleSession>(settings_);
    token_ = makeToken();
}

void SampleLane::post(Task task) {
    begin();
    busy_ = true;
    worker_->post(
        [token = token_, session = session_, results = results_, this, task = std::move(task)] {
            Done done = run(task, *session);
            if (session->abandoned()) return session->close();
            results->post([this, returned = std::weak_ptr(session), done = std::move(done)] {
                if (returned.lock() != session_ || !session_) return;
                busy_ = false;
                if (done) done();
            });
        });
}

bool SampleLane::overdue(common::Monotonic now, std::chrono::nanoseconds limit) const {
    return worker_ && session_->progress().overdue(*worker_, now, limit);
}

Token SampleLane::leaveBehind() {
    session_->abandon();
    session_.reset();
    worker_->giveUp();
    worker_.reset();
    busy_ = false;
    return std::exchange(token_, nullptr);
}

void SampleLane::close() {
    if (worker_) worker_->post([token = token_, session = session_] { session->close(); });
}

bool SampleLane::finish(std::chrono::milliseconds limit) {
    if (!worker_) return true;
    const bool ended = worker_->finish(limit);
    if (!ended) session_->abandon();
    worker_.reset();
    session_.reset();
    return ended;
}

}  // namespace rollo::virt
