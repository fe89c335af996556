// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics_agent.hpp"

#include <chrono>

#include "agent/version.hpp"
#include "proto/frame.hpp"

namespace rollo::agent {

namespace {

using common::MetricsText;

double seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

void tellOfClients(MetricsText& out, const AgentSources& sources) {
    const auto figures = sources.server.figures();
    out.gauge("rollo_agent_connections", "Sockets of clients that are open.",
              static_cast<double>(figures.connections));
    out.gauge("rollo_agent_websockets", "WebSockets among them.",
              static_cast<double>(figures.sessions));
    out.gauge("rollo_agent_waiting_bytes",
              "What waits for all clients together, a message that they share counted for each.",
              static_cast<double>(figures.waitingBytes));
    out.gauge(
        "rollo_agent_frame_bytes",
        "Messages in memory, each counted once: those that wait, and those kept for resuming.",
        static_cast<double>(proto::Frame::bytesAlive()));
    out.counter("rollo_agent_shed_clients_total",
                "Clients dropped because too much waited for all of them together.",
                sources.server.counters().shed);
    out.counter("rollo_agent_conflated_messages_total",
                "Messages to slow clients that a later one replaced.", figures.conflated);
    out.counter("rollo_agent_ordered_events_total", "Ordered events, as seq counts them.",
                sources.hub.seq());
    out.counter("rollo_agent_deliveries_total", "Events handed to clients, counted for each.",
                sources.hub.delivered());
}

void tellOfTraffic(MetricsText& out, const server::Counters& counters) {
    out.counter("rollo_agent_messages_sent_total", "Messages that WebSockets were given.",
                counters.sent.messages);
    out.counter("rollo_agent_message_bytes_sent_total", "The bytes of their payloads.",
                counters.sent.bytes);
    out.counter("rollo_agent_messages_received_total", "Messages that came by WebSockets.",
                counters.received.messages);
    out.counter("rollo_agent_message_bytes_received_total", "The bytes of their payloads.",
                counters.received.bytes);
    out.counter("rollo_agent_errors_total", "Messages of the type error, by their code.");
    for (std::size_t i = 0; i < counters.errors.size(); ++i)
        out.sample(counters.errors[i], {{"code", proto::word(static_cast<proto::ErrorCode>(i))}});
}

void tellOfProcess(MetricsText& out, ProcessMeter& process, common::Monotonic now) {
    const auto& figures = process.figures(now);
    out.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
    out.sample(figures.cpuSeconds);
    out.gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
              static_cast<double>(figures.residentBytes));
    out.gauge("process_open_fds", "Number of open file descriptors.",
              static_cast<double>(figures.openFds));
    out.gauge("process_start_time_seconds",
              "Start time of the process since unix epoch in seconds.",
              seconds(process.startedAt().time_since_epoch()));
}

void tellOfRefusals(MetricsText& out, const server::Counters& counters) {
    out.counter("rollo_agent_accepted_connections_total", "Sockets of clients that were let in.",
                counters.accepted);
    out.counter("rollo_agent_published_events_total", "Events of other programs that were told.",
                counters.published);
    out.counter("rollo_agent_refused_total",
                "Connections, requests and messages that were refused, by reason.");
    for (std::size_t i = 0; i < counters.refused.size(); ++i)
        out.sample(counters.refused[i],
                   {{"reason", server::word(static_cast<server::Refused>(i))}});
    out.counter("rollo_agent_closed_websockets_total",
                "WebSockets that the agent closed, by close code.");
    for (const auto& [code, count] : counters.closed)
        out.sample(count, {{"code", std::to_string(code)}});
}

void tellOfLoop(MetricsText& out, const server::LoopLag& lag) {
    out.gauge("rollo_agent_loop_lag_seconds_max",
              "The longest turn of the main loop in the last one or two minutes: what arrived then "
              "waited so long.",
              seconds(lag.longest()));
    out.counter("rollo_agent_loop_stalls_total", "Turns of the main loop of 100 ms and more.",
                lag.stalls());
}

void tellOfConsoles(MetricsText& out, const core::Consoles::Figures& figures) {
    out.gauge("rollo_agent_consoles_attached",
              "Serial devices whose stream the agent has, or is about to.",
              static_cast<double>(figures.attached));
    out.gauge("rollo_agent_console_viewers", "Clients that watch a console.",
              static_cast<double>(figures.viewers));
    out.gauge("rollo_agent_console_kept_bytes", "Output of consoles that is kept.",
              static_cast<double>(figures.keptBytes));
    out.counter("rollo_agent_console_output_bytes_total",
                "What guests have printed, as it came by their streams.", figures.outputBytes);
    out.counter("rollo_agent_console_dropped_bytes_total",
                "Output that the agent itself could not take in time.", figures.droppedBytes);
    out.counter("rollo_agent_console_input_bytes_total", "What was typed and handed to libvirt.",
                figures.inputBytes);
    out.counter("rollo_agent_console_dropped_input_bytes_total",
                "What was typed and did not reach its guest any more.", figures.inputDropped);
}

void tellOfLibvirt(MetricsText& out, const virt::LibvirtHypervisor::Figures& figures) {
    out.gauge("rollo_agent_libvirt_connected", "1: connected to libvirt, and all VMs are known.",
              figures.connected ? 1 : 0);
    out.counter("rollo_agent_libvirt_reconnects_total",
                "Connections to libvirt that were opened after the first.", figures.reconnects);
    out.counter("rollo_agent_libvirt_events_total", "Callbacks of libvirt.", figures.events);
    out.counter("rollo_agent_libvirt_given_up_calls_total",
                "Calls to libvirt that hung and were left to themselves.", figures.givenUpCalls);
    out.gauge("rollo_agent_console_stuck_streams",
              "Streams of consoles that were given up in a call to libvirt which has not returned.",
              static_cast<double>(figures.consolesLeftBehind));
    out.gauge("rollo_agent_libvirt_stuck_calls", "Those of them that have not returned yet.",
              static_cast<double>(figures.stuckCalls));
    out.gauge("rollo_agent_libvirt_sample_seconds", "How long the last statistics of all VMs took.",
              seconds(figures.lastSample));
}

}  // namespace

void writeAgent(MetricsText& out, const AgentSources& sources, common::Monotonic now) {
    out.gauge("rollo_agent_info", "The version of the agent.");
    out.sample(std::uint64_t{1}, {{"version", programVersion()}});
    tellOfClients(out, sources);
    tellOfTraffic(out, sources.server.counters());
    tellOfRefusals(out, sources.server.counters());
    tellOfLoop(out, sources.lag);
    out.histogram("rollo_agent_event_delay_seconds",
                  "From libvirt's callback until the event has gone to the sockets.",
                  EventDelay::bounds, sources.delay.counts(), sources.delay.sum().count());
    tellOfConsoles(out, sources.consoles.figures());
    tellOfLibvirt(out, sources.hypervisor.figures());
    out.gauge("rollo_agent_state_saved",
              "0: what has to outlive the agent, the ids of VMs, cannot be written at present.",
              sources.stateSaved ? 1 : 0);
    tellOfProcess(out, sources.process, now);
}

}  // namespace rollo::agent
