// SPDX-License-Identifier: Apache-2.0
#include "agent/server/stats_report.hpp"

#include <algorithm>

#include "agent/server/opening.hpp"

namespace rollo::server {
namespace {

using proto::WebsocketStats;

void add(WebsocketStats& stats, const Session& session) {
    stats.queueBytes += session.waitingBytes();
    stats.conflated += session.conflated();
    if (session.closing()) return;
    ++stats.activeConnections;
    ++stats.connectionsByEndpoint[std::string(endpointOf(session.path()))];
    if (const auto room = session.room()) ++stats.rooms[*room];
}

void addCounters(WebsocketStats& stats, const Counters& counters) {
    stats.sent = counters.sent;
    stats.received = counters.received;
    stats.conflated += counters.conflated;
    const auto slow = counters.closed.find(static_cast<std::uint16_t>(proto::CloseCode::tooSlow));
    stats.slowDisconnects = slow == counters.closed.end() ? 0 : slow->second;
    stats.shed = counters.shed;
    stats.authFailures = counters.of(Refused::token) + counters.of(Refused::authTime);
    for (const auto reason : {Refused::connectionRate, Refused::messageRate, Refused::byteRate,
                              Refused::publishRate, Refused::tokenRate})
        stats.rateLimited += counters.of(reason);
    for (std::size_t i = 0; i < counters.errors.size(); ++i)
        if (const auto count = counters.errors[i])
            stats.errorsByCode[std::string(proto::word(static_cast<proto::ErrorCode>(i)))] = count;
    for (std::size_t i = 0; i < counters.refused.size(); ++i)
        if (const auto count = counters.refused[i])
            stats.refusedByReason[std::string(word(static_cast<Refused>(i)))] = count;
    for (const auto& [code, count] : counters.closed)
        stats.closedByCode[std::to_string(code)] = count;
}

WebsocketStats::Consoles consoleFigures(const core::Consoles& consoles) {
    const auto figures = consoles.figures();
    return {.attached = figures.attached,
            .viewers = figures.viewers,
            .keptBytes = figures.keptBytes,
            .outputBytes = figures.outputBytes,
            .droppedBytes = figures.droppedBytes,
            .inputBytes = figures.inputBytes,
            .inputDroppedBytes = figures.inputDropped};
}

}  // namespace

WebsocketStats reportStats(const Services& services,
                           const std::vector<std::unique_ptr<Connection>>& connections) {
    WebsocketStats stats;
    for (const auto& connection : connections)
        if (const Session* session = connection->session()) add(stats, *session);
    addCounters(stats, services.counters);
    stats.consoles = consoleFigures(services.consoles);
    stats.events = {.ordered = services.hub.seq(), .delivered = services.hub.delivered()};
    for (const auto& [uuid, vm] : services.state.vms)
        stats.libvirt.staleVms += vm.isStale() ? 1 : 0;
    return stats;
}

}  // namespace rollo::server
