// SPDX-License-Identifier: Apache-2.0
#include "agent/core/jobs.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "agent/core/job_words.hpp"

namespace rollo::core {
namespace {

using proto::ProgressStatus;
using proto::VmStatus;

/// Callback and look come by different connections; measured: within some milliseconds.
constexpr std::chrono::seconds outcomeFollows{2};
/// So late a callback may come to a job whose end has been told without it, or a look that was
/// taken before an end.
constexpr std::chrono::seconds settledLasts{30};
/// The clocks of a daemon and of the agent that were read at different times.
constexpr std::chrono::seconds startsTogether{60};

ProgressStatus statusOf(JobOutcome outcome) {
    switch (outcome) {
        case JobOutcome::completed:
            return ProgressStatus::completed;
        case JobOutcome::cancelled:
            return ProgressStatus::cancelled;
        case JobOutcome::failed:
            break;
    }
    return ProgressStatus::failed;
}

std::string_view word(JobOutcome outcome) {
    return proto::word(statusOf(outcome));
}

bool sameKind(JobKind one, JobKind other) {
    return one == other || one == JobKind::unknown || other == JobKind::unknown;
}

/// True where the guest's new status is what a job of this kind leads to when it succeeds. One that
/// arrives is paused until it has arrived.
bool isAimOf(JobKind kind, const StatusStep& step) {
    const bool here = step.to == VmStatus::running || step.to == VmStatus::paused;
    switch (kind) {
        case JobKind::save:
            return step.to == VmStatus::stopped && step.reason == "saved";
        case JobKind::migrationOut:
            return step.to == VmStatus::stopped && step.reason == "migrated";
        case JobKind::migrationIn:
            return step.to == VmStatus::running && step.reason == "migrated";
        case JobKind::restore:
            return here && step.reason == "restored";
        case JobKind::snapshotRevert:
            return here && step.reason == "from_snapshot";
        default:
            return false;
    }
}

template <class T>
void take(std::optional<T>& known, const std::optional<T>& told) {
    if (told) known = told;
}

void take(JobFigures& known, const JobFigures& told) {
    if (told.kind != JobKind::unknown) known.kind = told.kind;
    take(known.phase, told.phase);
    take(known.bytesTotal, told.bytesTotal);
    take(known.bytesProcessed, told.bytesProcessed);
    take(known.bytesRemaining, told.bytesRemaining);
    take(known.elapsedMs, told.elapsedMs);
    known.bytesPerSecond = told.bytesPerSecond;
    known.mirroring = told.mirroring;
}

common::WallClock startOf(const JobFigures& figures, const common::Now& now) {
    return now.wall - std::chrono::milliseconds(figures.elapsedMs.value_or(0));
}

/// Not negative, whatever becomes of the clock.
std::int64_t msBetween(common::WallClock from, common::WallClock to) {
    return std::max<std::int64_t>(0,
                                  std::chrono::floor<std::chrono::milliseconds>(to - from).count());
}

}  // namespace

// --- what is seen --------------------------------------------------------------------------------

void Jobs::take(const JobsSeen& seen, const common::Now& now) {
    const auto older = std::exchange(endedSinceLook_, {});
    for (const auto& each : seen.jobs) {
        const auto& uuid = each.job.domain.uuid;
        if (older.contains(uuid) || !state_.find(uuid)) continue;
        auto found = jobs_.find(keyOf(each.job));
        if (found != jobs_.end() && isAnother(found->second, each, now)) {
            settle(found, now);
            found = jobs_.end();
        }
        Job& job = found == jobs_.end() ? begin(each.job, each.figures, now) : found->second;
        update(job, each.figures, now);
        operations_.tell(progressOf(job), now);
    }
    lastLook_ = seen;
    for (auto& [key, job] : jobs_)
        if (misses(seen, key) && !job.missedAt) job.missedAt = now.mono;
}

bool Jobs::misses(const JobsSeen& look, const Key& key) {
    const auto isIt = [&](const JobSeen& each) { return keyOf(each.job) == key; };
    return std::ranges::none_of(look.jobs, isIt) &&
           std::ranges::find(look.silent, key.first) == look.silent.end();
}

/// Of two jobs of one kind that follow each other unseen, the younger has done less.
bool Jobs::isAnother(const Job& known, const JobSeen& seen, const common::Now& now) {
    const auto& before = known.figures;
    const auto& figures = seen.figures;
    if (!sameKind(before.kind, figures.kind)) return true;
    const int domainId = known.ref.domain.domainId;
    if (domainId >= 0 && domainId != seen.job.domain.domainId) return true;
    if (figures.elapsedMs)
        return figures.elapsedMs < before.elapsedMs ||
               startOf(figures, now) - known.startedAt > startsTogether;
    const bool both = figures.bytesProcessed && before.bytesProcessed;
    return both && !known.ref.disk.empty() && *figures.bytesProcessed < *before.bytesProcessed;
}

Jobs::Job& Jobs::begin(const JobRef& ref, const JobFigures& figures, const common::Now& now) {
    Job& job = jobs_[keyOf(ref)];
    job = {};
    job.ref = ref;
    job.operationId = fmt::format("{}{}:{}", Operations::ownIds, epoch_, ++count_);
    job.startedAt = startOf(figures, now);
    return job;
}

void Jobs::update(Job& job, const JobFigures& figures, const common::Now& now) {
    core::take(job.figures, figures);
    job.figures.bytesPerSecond = job.pace.take(figures, now.mono);
    if (!figures.elapsedMs) job.figures.elapsedMs = msBetween(job.startedAt, now.wall);
    job.missedAt.reset();
    job.blind.clear();
}

// --- how it ends ---------------------------------------------------------------------------------

void Jobs::take(const JobEnded& ended, const common::Now& now) {
    endedSinceLook_[ended.job.domain.uuid] = now.mono;
    auto found = jobs_.find(keyOf(ended.job));
    if (found != jobs_.end() && !sameKind(found->second.figures.kind, ended.figures.kind)) {
        settle(found, now);
        found = jobs_.end();
    }
    if (found == jobs_.end()) {
        if (wasSettled(ended) || !state_.find(ended.job.domain.uuid)) return;
        begin(ended.job, ended.figures, now);
        found = jobs_.find(keyOf(ended.job));
    }
    core::take(found->second.figures, ended.figures);
    end(found, {ended.outcome, ended.error}, now);
}

bool Jobs::wasSettled(const JobEnded& ended) {
    return std::erase_if(settled_, [&](const Settled& each) {
        return each.key == keyOf(ended.job) && sameKind(each.kind, ended.figures.kind);
    });
}

void Jobs::follow(const proto::Uuid& uuid, const StatusStep& step, const common::Now& now) {
    const bool stopped = step.to == VmStatus::stopped;
    if (stopped) endedSinceLook_[uuid] = now.mono;
    for (auto& [key, job] : jobs_) {
        if (key.first != uuid) continue;
        // What was reached stays so whatever comes next, but for a guest that ends while it
        // arrives.
        const bool reached = job.clue && isAimOf(job.figures.kind, *job.clue);
        const bool undone = stopped && !job.missedAt && reached && job.clue->to != step.to;
        if (!reached || undone) job.clue = step;
        if (stopped && !job.missedAt) job.missedAt = now.mono;
    }
}

void Jobs::endAllOf(const proto::Uuid& uuid, const common::Now& now) {
    for (auto place = jobs_.begin(); place != jobs_.end();)
        place = place->first.first == uuid ? settle(place, now) : std::next(place);
}

void Jobs::tick(const common::Now& now) {
    const auto isLongAgo = [&](common::Monotonic at) { return now.mono - at >= settledLasts; };
    std::erase_if(settled_, [&](const Settled& each) { return isLongAgo(each.at); });
    std::erase_if(endedSinceLook_, [&](const auto& each) { return isLongAgo(each.second); });
    // Until the guests have been listed anew, what became of them is not known.
    const auto status = state_.server.status;
    if (status != proto::ServerStatus::online && status != proto::ServerStatus::degraded) return;
    for (auto place = jobs_.begin(); place != jobs_.end();) {
        const auto& missedAt = place->second.missedAt;
        const bool over = missedAt && now.mono - *missedAt >= outcomeFollows;
        place = over ? settle(place, now) : std::next(place);
    }
}

Jobs::End Jobs::endOf(const Job& job) const {
    if (job.clue && isAimOf(job.figures.kind, *job.clue)) return {JobOutcome::completed, ""};
    // One that was paused where it comes from stays so here; had it not arrived, it would be gone.
    const Vm* vm = state_.find(job.ref.domain.uuid);
    if (job.figures.kind == JobKind::migrationIn && vm && vm->info.status == VmStatus::paused)
        return {JobOutcome::completed, ""};
    if (job.clue && job.clue->to == VmStatus::stopped)
        return {JobOutcome::failed, job.clue->reason == "unknown"
                                        ? "the guest stopped"
                                        : fmt::format("the guest stopped ({})", job.clue->reason)};
    if (!job.blind.empty())
        return {JobOutcome::failed,
                fmt::format("how it ended is not known, because {}", job.blind)};
    return {JobOutcome::failed, "it ended, and libvirt did not say how"};
}

Jobs::Place Jobs::settle(Place place, const common::Now& now) {
    const Job& job = place->second;
    settled_.push_back({place->first, job.figures.kind, now.mono});
    return end(place, endOf(job), now);
}

Jobs::Place Jobs::end(Place place, const End& end, const common::Now& now) {
    const Job& job = place->second;
    auto progress = progressOf(job);
    progress.status = statusOf(end.outcome);
    progress.etaMs.reset();
    progress.message += fmt::format(": {}", word(end.outcome));
    if (end.outcome != JobOutcome::completed) {
        const auto* unsaid =
            end.outcome == JobOutcome::cancelled ? "it was asked to" : "libvirt did not say why";
        progress.error = end.error.empty() ? unsaid : end.error;
        progress.message += fmt::format(": {}", *progress.error);
    }
    operations_.tell(std::move(progress), now);
    return jobs_.erase(place);
}

// --- losses --------------------------------------------------------------------------------------

void Jobs::libvirtLost(const common::Now& now) {
    endedSinceLook_.clear();
    for (auto& [key, job] : jobs_) {
        job.blind = "libvirt was not connected when it ended";
        auto progress = progressOf(job);
        progress.bytesPerSecond.reset();
        progress.etaMs.reset();
        progress.message += ": libvirt is lost, and how far it is now is not known";
        operations_.tell(std::move(progress), now);
    }
}

void Jobs::resume(const SavedOperation& saved, const common::Now& now) {
    const Vm& vm = *state_.find(*saved.vm);
    const JobRef ref{{*saved.vm, vm.info.identity.name, -1}, saved.disk};
    Job& job = jobs_[keyOf(ref)];
    job.ref = ref;
    job.operationId = saved.id;
    job.startedAt = common::WallClock(std::chrono::seconds(saved.startedAt));
    job.figures.kind = jobKind(saved.type);
    job.figures.bytesProcessed = saved.processed;
    job.clue = StatusStep{vm.info.status, vm.info.reason};
    job.blind = "the agent was not running when it ended";
    if (lastLook_ && misses(*lastLook_, keyOf(ref))) job.missedAt = now.mono;
    auto progress = progressOf(job);
    progress.percent = saved.percent;
    operations_.tell(std::move(progress), now);
}

std::vector<SavedOperation> Jobs::saved() const {
    std::vector<SavedOperation> all;
    for (const auto& [key, job] : jobs_) {
        const auto found = state_.operations.find(job.operationId);
        SavedOperation saved;
        saved.id = job.operationId;
        saved.type = operationType(job.figures.kind);
        saved.percent = found->second.percent;
        saved.vm = key.first;
        saved.disk = key.second;
        saved.startedAt =
            std::chrono::floor<std::chrono::seconds>(job.startedAt).time_since_epoch().count();
        saved.processed = job.figures.bytesProcessed;
        all.push_back(std::move(saved));
    }
    return all;
}

// --- how it is told ------------------------------------------------------------------------------

std::string Jobs::nameOf(const proto::Uuid& uuid) const {
    const Vm* vm = state_.find(uuid);
    return vm ? vm->info.identity.name : "a guest";
}

proto::Progress Jobs::progressOf(const Job& job) const {
    const auto& figures = job.figures;
    proto::Progress progress;
    progress.operationId = job.operationId;
    progress.operationType = operationType(figures.kind);
    progress.percent = percentOf(figures).value_or(0);
    progress.status = ProgressStatus::inProgress;
    progress.message = describe(figures.kind, nameOf(job.ref.domain.uuid), job.ref.disk);
    if (const Vm* vm = state_.find(job.ref.domain.uuid)) progress.vm = vm->info.identity;
    progress.phase = figures.mirroring ? "mirroring" : figures.phase;
    progress.bytesTotal = figures.bytesTotal;
    progress.bytesProcessed = figures.bytesProcessed;
    progress.bytesRemaining = remainingOf(figures);
    progress.bytesPerSecond = figures.bytesPerSecond;
    progress.elapsedMs = figures.elapsedMs;
    progress.etaMs = etaOf(figures, figures.bytesPerSecond);
    return progress;
}

}  // namespace rollo::core
