// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/job_schedule.hpp"

#include <algorithm>

namespace rollo::virt {

namespace {

using std::chrono::milliseconds;

/// In the first moments of a job libvirt lets whoever asks wait until its end; and where a job is
/// missed, libvirt's word of its end may still be on its way.
constexpr milliseconds settling{200};
/// Looking at everybody may take at most one part in so many of the time.
constexpr int share = 20;

bool contains(const std::vector<proto::Uuid>& uuids, const proto::Uuid& uuid) {
    return std::ranges::find(uuids, uuid) != uuids.end();
}

}  // namespace

void JobSchedule::reset(common::Monotonic now) {
    *this = JobSchedule(interval_, fast_);
    everybodyDue_ = now;
}

void JobSchedule::hint(const proto::Uuid& domain, common::Monotonic now) {
    hints_[domain] = now + settling;
}

std::optional<JobQuestion> JobSchedule::take(common::Monotonic now) {
    if (now < notBefore_) return std::nullopt;
    JobQuestion question{.at = now, .everybody = now >= everybodyDue_};
    for (const auto& [domain, due] : hints_)
        if (now >= due) question.changed.push_back(domain);
    const bool busy = !known_.empty() && now >= busyDue_;
    if (!question.everybody && !busy && question.changed.empty()) return std::nullopt;
    question.only = question.changed;
    for (const auto& [domain, disk] : known_)
        if (!contains(question.only, domain)) question.only.push_back(domain);
    notBefore_ = now + fast_;
    return question;
}

std::optional<core::JobsSeen> JobSchedule::done(const JobQuestion& question, core::JobsSeen seen,
                                                milliseconds took, common::Monotonic now) {
    notBefore_ = {};
    busyDue_ = question.at + fast_;
    if (question.everybody) everybodyDue_ = question.at + std::max(interval_, share * took);
    std::erase_if(hints_, [&](const auto& hint) { return hint.second <= question.at; });
    const auto missed = gone(seen);
    if (!missed.empty() && !confirming_) {
        confirming_ = true;
        for (const auto& domain : missed) hint(domain, now);
        return std::nullopt;
    }
    confirming_ = false;
    const bool news = anew_ || !known_.empty() || !seen.jobs.empty();
    anew_ = false;
    remember(seen);
    if (!news) return std::nullopt;
    return seen;
}

/// The domains of which a job is missed.
std::vector<proto::Uuid> JobSchedule::gone(const core::JobsSeen& seen) const {
    std::set<Key> left = known_;
    for (const auto& each : seen.jobs) left.erase({each.job.domain.uuid, each.job.disk});
    std::vector<proto::Uuid> domains;
    for (const auto& [domain, disk] : left)
        if (!contains(seen.silent, domain) && !contains(domains, domain)) domains.push_back(domain);
    return domains;
}

void JobSchedule::remember(const core::JobsSeen& seen) {
    std::erase_if(known_, [&](const Key& key) { return !contains(seen.silent, key.first); });
    for (const auto& each : seen.jobs) known_.insert({each.job.domain.uuid, each.job.disk});
}

}  // namespace rollo::virt
