// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/sample_session.hpp"

#include <libvirt/virterror.h>

#include <string_view>

#include "agent/virt/convert.hpp"
#include "agent/virt/domain_list.hpp"
#include "agent/virt/domain_stats.hpp"
#include "agent/virt/error.hpp"
#include "agent/virt/host_stats.hpp"
#include "common/log.hpp"

namespace rollo::virt {

namespace {

using Records = common::UniqueHandle<virDomainStatsRecordPtr, virDomainStatsRecordListFree>;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// How often a guest is asked in one round.
constexpr int attempts = 3;

TypedParams parametersOf(const virDomainStatsRecord& record) {
    return {record.params, static_cast<std::size_t>(record.nparams)};
}

Look lookAt(virDomainPtr domain) {
    Look look{.uuid = uuidOf(domain), .domainId = static_cast<int>(virDomainGetID(domain))};
    virDomainInfo info{};
    if (virDomainGetInfo(domain, &info) == 0) look.cpuTimeNs = info.cpuTime;
    virDomainControlInfo control{};
    if (virDomainGetControlInfo(domain, &control, 0) != 0) return look;
    look.job = control.state == VIR_DOMAIN_CONTROL_JOB;
    if (control.state == VIR_DOMAIN_CONTROL_OCCUPIED)
        look.occupiedSince = Clock::now() - milliseconds(control.stateTime);
    return look;
}

}  // namespace

virConnectPtr SampleSession::connection() {
    progress_.step();
    if (connection_ && !connection_->alive()) close();
    if (!connection_) {
        const auto access =
            settings_.balloonPeriodSeconds > 0 ? Access::readWrite : Access::readOnly;
        connection_ = std::make_unique<Connection>(settings_, access);
        const char* type = virConnectGetType(connection_->get());
        monitored_ = type && std::string_view(type) == "QEMU";
        progress_.step();
    }
    return connection_->get();
}

void SampleSession::close() {
    balloonDone_.clear();
    connection_.reset();
}

core::SampleTaken SampleSession::sampleAll(milliseconds unresponsiveAfter) {
    core::SampleTaken sample;
    sample.host = sampleHost(connection(), settings_.diskPath);
    askAgain(ask(nullptr, sample), sample, unresponsiveAfter);
    return sample;
}

core::SampleTaken SampleSession::sampleSome(const std::vector<proto::Uuid>& uuids,
                                            milliseconds unresponsiveAfter) {
    core::SampleTaken sample;
    sample.host = sampleHost(connection(), settings_.diskPath);
    DomainHandles domains;
    for (const auto& uuid : uuids) {
        progress_.step();
        DomainHandle domain(virDomainLookupByUUID(connection(), uuid.bytes.data()));
        if (domain) domains.push_back(std::move(domain));
    }
    askAgain(ask(&domains, sample), sample, unresponsiveAfter);
    return sample;
}

DomainHandles SampleSession::ask(const DomainHandles* domains, core::SampleTaken& sample) {
    DomainHandles unanswered;
    if (domains && domains->empty()) return unanswered;
    std::vector<virDomainPtr> pointers;
    if (domains)
        for (const auto& domain : *domains) pointers.push_back(domain.get());
    pointers.push_back(nullptr);
    progress_.step();
    virDomainStatsRecordPtr* list = nullptr;
    const auto begin = Clock::now();
    const int size = getStats(domains ? pointers.data() : nullptr, &list);
    const auto took = Clock::now() - begin;
    const Records records(list);
    for (int i = 0; i < size; ++i) {
        const virDomainStatsRecord& record = *list[i];
        if (monitored_ && !monitorAnswered(parametersOf(record))) {
            virDomainRef(record.dom);
            unanswered.emplace_back(record.dom);
            continue;
        }
        auto& domain = sample.domains.emplace_back(sampleOf(parametersOf(record)));
        domain.uuid = uuidOf(record.dom);
        domain.domainId = static_cast<int>(virDomainGetID(record.dom));
        // The daemon asks one guest after the other.
        domain.takenAt = begin + took * (i + 1) / size;
        setBalloonPeriod(record.dom);
    }
    return unanswered;
}

/// Some monitors did not take part because somebody else used them at that moment, such as another
/// program that takes statistics: they are asked again. Those that hang are not.
void SampleSession::askAgain(DomainHandles unanswered, core::SampleTaken& sample,
                             milliseconds unresponsiveAfter) {
    for (int attempt = 1;; ++attempt) {
        DomainHandles busy;
        for (DomainHandle& domain : unanswered) {
            progress_.step();
            const Look look = lookAt(domain.get());
            const auto now = Clock::now();
            if (occupiedSince(look, now - unresponsiveAfter))
                sample.unresponsive.push_back(look.uuid);
            else if (attempt == attempts || occupiedSince(look, now - hungAfter))
                sample.silent.push_back(look.uuid);
            else
                busy.push_back(std::move(domain));
        }
        if (busy.empty()) return;
        unanswered = ask(&busy, sample);
    }
}

int SampleSession::getStats(virDomainPtr* domains, virDomainStatsRecordPtr** records) {
    const auto call = [&] {
        return domains ? virDomainListGetStats(domains, sampledGroups, records, noWait_)
                       : virConnectGetAllDomainStats(
                             connection(), sampledGroups, records,
                             noWait_ | VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE);
    };
    const int size = call();
    if (size >= 0 || noWait_ == 0) return check(size, "virConnectGetAllDomainStats");
    const int code = virGetLastErrorCode();
    if (code != VIR_ERR_INVALID_ARG && code != VIR_ERR_ARGUMENT_UNSUPPORTED)
        throwLastError("virConnectGetAllDomainStats");
    noWait_ = 0;  // a driver without monitors, or an older daemon
    return check(call(), "virConnectGetAllDomainStats");
}

/// A guest that has just answered is the only one that it is safe to ask for more.
void SampleSession::setBalloonPeriod(virDomainPtr domain) {
    if (settings_.balloonPeriodSeconds <= 0) return;
    const auto ref = refOf(domain);
    const auto [entry, added] = balloonDone_.try_emplace(ref.uuid, ref.domainId);
    if (!added && std::exchange(entry->second, ref.domainId) == ref.domainId) return;
    progress_.step();
    if (virDomainSetMemoryStatsPeriod(domain, settings_.balloonPeriodSeconds,
                                      VIR_DOMAIN_AFFECT_LIVE) < 0)
        common::log::debug("{} has no balloon to ask for statistics", ref.name);
}

core::Pools SampleSession::pools(PoolWalk& walk) {
    return readPools(connection(), walk, [this] { progress_.step(); });
}

Looks SampleSession::look() {
    Looks looks;
    for (const auto& domain : listDomains(connection(), VIR_CONNECT_LIST_DOMAINS_ACTIVE)) {
        progress_.step();
        looks.push_back(lookAt(domain.get()));
    }
    return looks;
}

}  // namespace rollo::virt
