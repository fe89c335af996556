// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/job_session.hpp"

#include <libvirt/virterror.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "agent/virt/convert.hpp"
#include "agent/virt/domain_xml.hpp"
#include "agent/virt/error.hpp"
#include "agent/virt/job_convert.hpp"

namespace rollo::virt {

namespace {

using core::JobFigures;
using core::JobKind;
using Records = common::UniqueHandle<virDomainStatsRecordPtr, virDomainStatsRecordListFree>;

/// Longer than a command takes, such as one of our own sampler, which keeps the same time.
constexpr std::chrono::milliseconds moment{20};

/// What virDomainGetJobStats gives out.
class JobStats {
  public:
    explicit JobStats(virDomainPtr domain)
        : result_(virDomainGetJobStats(domain, &type_, &parameters_, &count_, 0)) {}
    ~JobStats() { virTypedParamsFree(parameters_, count_); }
    JobStats(const JobStats&) = delete;
    JobStats& operator=(const JobStats&) = delete;

    bool failed() const { return result_ < 0; }
    /// One that is over, though the call that asked for it is not, counts as over.
    bool underWay() const {
        return type_ == VIR_DOMAIN_JOB_BOUNDED || type_ == VIR_DOMAIN_JOB_UNBOUNDED;
    }
    TypedParams parameters() const { return {parameters_, static_cast<std::size_t>(count_)}; }

  private:
    int type_ = VIR_DOMAIN_JOB_NONE;
    virTypedParameterPtr parameters_ = nullptr;
    int count_ = 0;
    int result_;
};

bool contains(const std::vector<proto::Uuid>& uuids, const proto::Uuid& uuid) {
    return std::ranges::find(uuids, uuid) != uuids.end();
}

/// Somebody's command waits for its monitor at this moment.
bool occupied(virDomainPtr domain) {
    virDomainControlInfo control{};
    return virDomainGetControlInfo(domain, &control, 0) == 0 &&
           control.state == VIR_DOMAIN_CONTROL_OCCUPIED;
}

/// Nothing can be asked of a disk meanwhile; and a migration's own copies of disks are no jobs that
/// somebody asked for.
bool keepsDisks(JobKind kind) {
    return kind != JobKind::backup && kind != JobKind::dump;
}

}  // namespace

void JobSession::open() {
    if (!connect(Access::readOnly)) return;
    guests_.clear();
    supported_ = true;
}

void JobSession::close() {
    guests_.clear();
    disconnect();
}

Looks JobSession::lookAround() {
    open();
    return lookAtAll();
}

std::optional<core::JobsSeen> JobSession::look(const JobQuestion& question, AskedGuest& asked) {
    open();
    core::JobsSeen seen;
    std::vector<Guest*> guests = whom(question);
    // A monitor that is occupied is asked last: it hangs, or was busy for a moment.
    for (const bool last : {false, true}) {
        std::vector<Guest*> unanswered;
        for (Guest* guest : guests) {
            const auto uuid = uuidOf(guest->domain.get());
            const bool leftOut = contains(question.leftOut, uuid);
            asked.set(uuid);
            if (!leftOut && ask(*guest, seen.jobs) == Answer::given) continue;
            if (leftOut || last)
                seen.silent.push_back(uuid);
            else
                unanswered.push_back(guest);
        }
        guests = std::move(unanswered);
        if (!guests.empty()) std::this_thread::sleep_for(moment);
        if (!supported_) return std::nullopt;
    }
    asked.set(std::nullopt);
    return seen;
}

std::vector<JobSession::Guest*> JobSession::whom(const JobQuestion& question) {
    std::vector<Guest*> guests;
    if (question.everybody) listGuests();
    for (const auto& uuid : question.only)
        if (!guests_.contains(uuid) || contains(question.changed, uuid)) lookUp(uuid);
    for (auto& [uuid, guest] : guests_)
        if (question.everybody ? !guest.starting : contains(question.only, uuid))
            guests.push_back(&guest);
    return guests;
}

/// One call, for which no guest's monitor is asked.
void JobSession::listGuests() {
    step();
    virDomainStatsRecordPtr* list = nullptr;
    const int size = check(virConnectGetAllDomainStats(handle(), VIR_DOMAIN_STATS_STATE, &list,
                                                       VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE),
                           "virConnectGetAllDomainStats");
    const Records records(list);
    std::map<proto::Uuid, Guest> present;
    for (int i = 0; i < size; ++i) {
        const virDomainStatsRecord& record = *list[i];
        const TypedParams state(record.params, static_cast<std::size_t>(record.nparams));
        virDomainRef(record.dom);
        Guest guest = std::move(guests_[uuidOf(record.dom)]);
        const bool same = remember(guest, DomainHandle(record.dom));
        // One that takes long may be a migration that comes in, which tells.
        guest.starting = !same && count(state, "state.state") == VIR_DOMAIN_PAUSED &&
                         count(state, "state.reason") == VIR_DOMAIN_PAUSED_STARTING_UP;
        present.emplace(uuidOf(record.dom), std::move(guest));
    }
    guests_ = std::move(present);
}

/// What libvirt has of it now, in the place of what was remembered.
void JobSession::lookUp(const proto::Uuid& uuid) {
    step();
    DomainHandle domain(virDomainLookupByUUID(handle(), uuid.bytes.data()));
    if (!domain) {
        guests_.erase(uuid);
        return;
    }
    remember(guests_[uuid], std::move(domain));
    guests_[uuid].disks.reset();
}

/// True: it is the same QEMU process as before.
bool JobSession::remember(Guest& guest, DomainHandle domain) {
    const bool same =
        guest.domain && virDomainGetID(guest.domain.get()) == virDomainGetID(domain.get());
    if (!same) guest = Guest{};
    guest.domain = std::move(domain);
    return same;
}

JobSession::Answer JobSession::ask(Guest& guest, std::vector<core::JobSeen>& jobs) {
    step();
    if (occupied(guest.domain.get())) return Answer::none;
    std::optional<JobFigures> job;
    if (askDomain(guest, job) == Answer::none) return Answer::none;
    if (!(job && keepsDisks(job->kind)) && askDisks(guest) == Answer::none) return Answer::none;
    if (job) jobs.push_back({{refOf(guest.domain.get()), ""}, *job});
    std::ranges::copy(guest.diskJobs, std::back_inserter(jobs));
    return Answer::given;
}

JobSession::Answer JobSession::askDomain(Guest& guest, std::optional<JobFigures>& job) {
    step();
    const JobStats stats(guest.domain.get());
    if (!stats.failed()) {
        if (stats.underWay()) job = figuresOf(stats.parameters());
        return Answer::given;
    }
    // "migration statistics are available only on the source host"
    if (virGetLastErrorCode() == VIR_ERR_OPERATION_UNSUPPORTED) {
        job = JobFigures{.kind = JobKind::migrationIn};
        return Answer::given;
    }
    if (virGetLastErrorCode() == VIR_ERR_NO_SUPPORT) supported_ = false;
    return failed();
}

JobSession::Answer JobSession::askDisks(Guest& guest) {
    guest.diskJobs.clear();
    if (!guest.disks) {
        step();
        const TextHandle text(virDomainGetXMLDesc(guest.domain.get(), 0));
        if (!text) return failed();
        const auto xml = readDomainXml(text.get());
        guest.disks = xml ? xml->disks : std::vector<std::string>();
    }
    for (const std::string& disk : *guest.disks) {
        step();
        virDomainBlockJobInfo info{};
        const int found = virDomainGetBlockJobInfo(guest.domain.get(), disk.c_str(), &info, 0);
        if (found < 0 && virGetLastErrorCode() == VIR_ERR_NO_SUPPORT) break;
        if (found < 0) {
            guest.disks.reset();  // that disk may be gone
            return failed();
        }
        if (const auto figures = found > 0 ? figuresOf(info) : std::nullopt)
            guest.diskJobs.push_back({{refOf(guest.domain.get()), disk}, *figures});
    }
    return Answer::given;
}

/// What the present error means for one guest's answer. Throws if it is about the connection.
JobSession::Answer JobSession::failed() const {
    const int code = virGetLastErrorCode();
    const bool ended = code == VIR_ERR_NO_DOMAIN || code == VIR_ERR_OPERATION_INVALID;
    if (!ended && virConnectIsAlive(handle()) != 1) throwLastError("a look at a guest's jobs");
    return ended ? Answer::given : Answer::none;
}

}  // namespace rollo::virt
