// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/event_source.hpp"

#include <exception>
#include <string_view>

#include "agent/virt/convert.hpp"
#include "agent/virt/job_convert.hpp"
#include "agent/virt/typed_params.hpp"
#include "common/log.hpp"

namespace rollo::virt {

namespace {

namespace log = common::log;
using GenericCallback = virConnectDomainEventGenericCallback;

std::string_view text(const char* given) {
    return given ? given : "";
}

/// What every callback does, whatever it saw: nothing may escape into C.
template <class Handler>
void handle(void* opaque, virDomainPtr domain, Handler handler) noexcept {
    try {
        const EventSink& sink = **static_cast<std::shared_ptr<EventSink>*>(opaque);
        sink.count->fetch_add(1, std::memory_order_relaxed);
        handler(sink, refOf(domain));
    } catch (const std::exception& error) {
        log::error("a libvirt event was lost: {}", error.what());
    } catch (...) {
    }
}

void tell(const EventSink& sink, core::Observation observation) {
    sink.outlet->tell(sink.generation, std::move(observation));
}

void hintJob(const EventSink& sink, const core::DomainRef& domain) {
    sink.outlet->hintJob(sink.generation, domain.uuid);
}

void outdated(const EventSink& sink, core::DomainRef domain) {
    tell(sink, core::DescriptionOutdated{std::move(domain)});
}

int onLifecycle(virConnectPtr, virDomainPtr domain, int event, int detail, void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        const auto what = lifecycleOf(event);
        const auto reason = lifecycleReason(event, detail);
        log::debug("event: {} lifecycle {} {}, id {}", ref.name, event, reason, ref.domainId);
        hintJob(sink, ref);
        if (what)
            tell(sink, core::LifecycleSeen{std::move(ref), *what, std::string(reason)});
        else
            outdated(sink, std::move(ref));
    });
    return 0;
}

void onReboot(virConnectPtr, virDomainPtr domain, void* opaque) noexcept {
    handle(opaque, domain, [](const EventSink& sink, core::DomainRef ref) {
        log::debug("event: {} reboot", ref.name);
        tell(sink, core::RebootSeen{std::move(ref)});
    });
}

void onWatchdog(virConnectPtr, virDomainPtr domain, int action, void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        log::notice("{}: its watchdog fired, action {}", ref.name, watchdogAction(action));
        tell(sink, core::WatchdogFired{std::move(ref), std::string(watchdogAction(action))});
    });
}

void onIoError(virConnectPtr, virDomainPtr domain, const char* path, const char* alias, int action,
               const char* reason, void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        log::notice("{}: I/O error on {} ({}), action {}, reason '{}'", ref.name, text(alias),
                    text(path), ioErrorAction(action), text(reason));
        tell(sink,
             core::IoErrorSeen{std::move(ref), std::string(text(alias)),
                               std::string(ioErrorAction(action)), std::string(text(reason))});
    });
}

void onMemoryFailure(virConnectPtr, virDomainPtr domain, int recipient, int action, unsigned flags,
                     void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        const auto who = memoryFailureRecipient(recipient);
        const auto what = memoryFailureAction(action);
        log::notice("{}: memory failure, recipient {}, action {}, flags {}", ref.name, who, what,
                    flags);
        tell(sink, core::MemoryFailed{std::move(ref), std::string(who), std::string(what)});
    });
}

void onBalloonChange(virConnectPtr, virDomainPtr domain, unsigned long long kib,
                     void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        log::debug("event: {} balloon {} KiB", ref.name, kib);
        outdated(sink, std::move(ref));
    });
}

void onDeviceAdded(virConnectPtr, virDomainPtr domain, const char* alias, void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        log::debug("event: {} device {} added", ref.name, text(alias));
        hintJob(sink, ref);  // another disk
        outdated(sink, std::move(ref));
    });
}

void onDeviceRemoved(virConnectPtr, virDomainPtr domain, const char* alias, void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        log::debug("event: {} device {} removed", ref.name, text(alias));
        hintJob(sink, ref);  // another disk
        outdated(sink, std::move(ref));
    });
}

void onDeviceRemovalFailed(virConnectPtr, virDomainPtr domain, const char* alias,
                           void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink&, const core::DomainRef& ref) {
        log::debug("event: {} device {} could not be removed", ref.name, text(alias));
    });
}

void onMetadataChange(virConnectPtr, virDomainPtr domain, int type, const char* space,
                      void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        log::debug("event: {} metadata of type {} changed {}", ref.name, type, text(space));
        outdated(sink, std::move(ref));
    });
}

void onMemoryDeviceSizeChange(virConnectPtr, virDomainPtr domain, const char* alias,
                              unsigned long long kib, void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        log::debug("event: {} memory device {} has {} KiB", ref.name, text(alias), kib);
        outdated(sink, std::move(ref));
    });
}

void onTunable(virConnectPtr, virDomainPtr domain, virTypedParameterPtr, int count,
               void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        log::debug("event: {} {} tunables changed", ref.name, count);
        outdated(sink, std::move(ref));
    });
}

void onJobCompleted(virConnectPtr, virDomainPtr domain, virTypedParameterPtr parameters, int count,
                    void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        const TypedParams list(parameters, static_cast<std::size_t>(count));
        const auto figures = figuresOf(list);
        const auto outcome = outcomeOf(list);
        log::debug("event: {} job completed, operation {}, outcome {}", ref.name,
                   virt::count(list, VIR_DOMAIN_JOB_OPERATION).value_or(0),
                   static_cast<int>(outcome));
        hintJob(sink, ref);
        if (figures)
            tell(sink, core::JobEnded{
                           {std::move(ref), ""}, outcome, std::string(errorOf(list)), *figures});
    });
}

void onMigrationIteration(virConnectPtr, virDomainPtr domain, int iteration,
                          void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, const core::DomainRef& ref) {
        log::debug("event: {} migration iteration {}", ref.name, iteration);
        hintJob(sink, ref);
    });
}

void onAgentLifecycle(virConnectPtr, virDomainPtr domain, int state, int reason,
                      void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink&, const core::DomainRef& ref) {
        log::debug("event: {} guest agent state {}, reason {}", ref.name, state, reason);
    });
}

void onBlockJob(virConnectPtr, virDomainPtr domain, const char* disk, int type, int status,
                void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink& sink, core::DomainRef ref) {
        log::debug("event: {} block job on {}, type {}, status {}", ref.name, text(disk), type,
                   status);
        hintJob(sink, ref);
        const auto kind = blockJobKind(type);
        const auto outcome = blockJobOutcome(status);
        if (kind && outcome)
            tell(sink,
                 core::JobEnded{
                     {std::move(ref), std::string(text(disk))}, *outcome, "", {.kind = *kind}});
    });
}

void onBlockThreshold(virConnectPtr, virDomainPtr domain, const char* device, const char* path,
                      unsigned long long threshold, unsigned long long excess,
                      void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink&, const core::DomainRef& ref) {
        log::debug("event: {} {} ({}) is {} bytes over its threshold of {}", ref.name, text(device),
                   text(path), excess, threshold);
    });
}

void onTrayChange(virConnectPtr, virDomainPtr domain, const char* alias, int reason,
                  void* opaque) noexcept {
    handle(opaque, domain, [&](const EventSink&, const core::DomainRef& ref) {
        log::debug("event: {} tray of {} {}", ref.name, text(alias), reason ? "closed" : "opened");
    });
}

/// Libvirt takes every kind of callback as the plainest kind and casts it back (the macro
/// VIR_DOMAIN_EVENT_CALLBACK, which is a cast in the style of C).
template <class Callback>
GenericCallback generic(Callback* callback) {
    return reinterpret_cast<GenericCallback>(reinterpret_cast<void (*)()>(callback));
}

struct Entry {
    virDomainEventID id;
    GenericCallback callback;
};

const std::vector<Entry>& table() {
    static const std::vector<Entry> entries = {
        {VIR_DOMAIN_EVENT_ID_LIFECYCLE, generic(onLifecycle)},
        {VIR_DOMAIN_EVENT_ID_REBOOT, generic(onReboot)},
        {VIR_DOMAIN_EVENT_ID_WATCHDOG, generic(onWatchdog)},
        {VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, generic(onIoError)},
        {VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE, generic(onMemoryFailure)},
        {VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, generic(onBalloonChange)},
        {VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, generic(onDeviceAdded)},
        {VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, generic(onDeviceRemoved)},
        {VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, generic(onDeviceRemovalFailed)},
        {VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, generic(onMetadataChange)},
        {VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE, generic(onMemoryDeviceSizeChange)},
        {VIR_DOMAIN_EVENT_ID_TUNABLE, generic(onTunable)},
        {VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, generic(onJobCompleted)},
        {VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, generic(onMigrationIteration)},
        {VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, generic(onAgentLifecycle)},
        {VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, generic(onBlockJob)},
        {VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD, generic(onBlockThreshold)},
        {VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, generic(onTrayChange)},
    };
    return entries;
}

void freeSink(void* opaque) noexcept {
    delete static_cast<std::shared_ptr<EventSink>*>(opaque);
}

}  // namespace

EventSource::EventSource(virConnectPtr connection, const std::shared_ptr<EventSink>& sink)
    : connection_(connection) {
    for (const Entry& entry : table()) {
        auto context = std::make_unique<std::shared_ptr<EventSink>>(sink);
        const int id = virConnectDomainEventRegisterAny(connection, nullptr, entry.id,
                                                        entry.callback, context.get(), freeSink);
        if (id < 0) {
            log::debug("libvirt's driver has no events of kind {}", static_cast<int>(entry.id));
            continue;
        }
        static_cast<void>(context.release());  // libvirt's now
        callbackIds_.push_back(id);
    }
}

EventSource::~EventSource() {
    for (const int id : callbackIds_) virConnectDomainEventDeregisterAny(connection_, id);
}

}  // namespace rollo::virt
