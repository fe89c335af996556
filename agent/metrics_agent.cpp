// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics_page.hpp"

#include <chrono>

#include "agent/version.hpp"
#include "common/metrics_text.hpp"
#include "proto/frame.hpp"

namespace rollo::agent {

namespace {

using common::MetricsText;

double seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

void gauge(MetricsText& out, std::string_view name, std::string_view help, double value) {
    out.gauge(name, help);
    out.sample(value);
}

void counter(MetricsText& out, std::string_view name, std::string_view help, std::uint64_t value) {
    out.counter(name, help);
    out.sample(value);
}

void tellOfClients(MetricsText& out, const MetricsSources& sources) {
    const auto figures = sources.server.figures();
    gauge(out, "rollo_agent_connections", "Sockets of clients that are open.",
          static_cast<double>(figures.connections));
    gauge(out, "rollo_agent_websockets", "WebSockets among them.",
          static_cast<double>(figures.sessions));
    gauge(out, "rollo_agent_waiting_bytes",
          "What waits for all clients together, a message that they share counted for each.",
          static_cast<double>(figures.waitingBytes));
    gauge(out, "rollo_agent_frame_bytes",
          "Messages in memory, each counted once: those that wait, and those kept for resuming.",
          static_cast<double>(proto::Frame::bytesAlive()));
    counter(out, "rollo_agent_shed_clients_total",
            "Clients dropped because too much waited for all of them together.", figures.shed);
    counter(out, "rollo_agent_ordered_events_total", "Ordered events, as seq counts them.",
            sources.hub.seq());
    counter(out, "rollo_agent_deliveries_total", "Events handed to clients, counted for each.",
            sources.hub.delivered());
}

void tellOfRefusals(MetricsText& out, const server::Counters& counters) {
    counter(out, "rollo_agent_accepted_connections_total", "Sockets of clients that were let in.",
            counters.accepted);
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
    gauge(out, "rollo_agent_loop_lag_seconds_max",
          "The longest turn of the main loop in the last one or two minutes: what arrived then "
          "waited so long.",
          seconds(lag.longest()));
    counter(out, "rollo_agent_loop_stalls_total", "Turns of the main loop of 100 ms and more.",
            lag.stalls());
}

void tellOfConsoles(MetricsText& out, const core::Consoles::Figures& figures) {
    gauge(out, "rollo_agent_consoles_attached",
          "Serial devices whose stream the agent has, or is about to.",
          static_cast<double>(figures.attached));
    gauge(out, "rollo_agent_console_viewers", "Clients that watch a console.",
          static_cast<double>(figures.viewers));
    gauge(out, "rollo_agent_console_kept_bytes", "Output of consoles that is kept.",
          static_cast<double>(figures.keptBytes));
    counter(out, "rollo_agent_console_output_bytes_total",
            "What guests have printed, as it came by their streams.", figures.outputBytes);
    counter(out, "rollo_agent_console_dropped_bytes_total",
            "Output that the agent itself could not take in time.", figures.droppedBytes);
    counter(out, "rollo_agent_console_input_bytes_total", "What was typed and handed to libvirt.",
            figures.inputBytes);
    counter(out, "rollo_agent_console_dropped_input_bytes_total",
            "What was typed and did not reach its guest any more.", figures.inputDropped);
}

void tellOfLibvirt(MetricsText& out, const virt::LibvirtHypervisor::Figures& figures) {
    gauge(out, "rollo_agent_libvirt_connected", "1: connected to libvirt, and all VMs are known.",
          figures.connected ? 1 : 0);
    counter(out, "rollo_agent_libvirt_reconnects_total",
            "Connections to libvirt that were opened after the first.", figures.reconnects);
    counter(out, "rollo_agent_libvirt_events_total", "Callbacks of libvirt.", figures.events);
    counter(out, "rollo_agent_libvirt_given_up_calls_total",
            "Calls to libvirt that hung and were left to themselves.", figures.givenUpCalls);
    gauge(out, "rollo_agent_console_stuck_streams",
          "Streams of consoles that were given up in a call to libvirt which has not returned.",
          static_cast<double>(figures.consolesLeftBehind));
    gauge(out, "rollo_agent_libvirt_stuck_calls", "Those of them that have not returned yet.",
          static_cast<double>(figures.stuckCalls));
    gauge(out, "rollo_agent_libvirt_sample_seconds",
          "How long the last statistics of all VMs took.", seconds(figures.lastSample));
}

}  // namespace

std::string metricsPage(const MetricsSources& sources) {
    MetricsText out;
    out.gauge("rollo_agent_info", "The version of the agent.");
    out.sample(std::uint64_t{1}, {{"version", programVersion()}});
    tellOfClients(out, sources);
    tellOfRefusals(out, sources.server.counters());
    tellOfLoop(out, sources.lag);
    out.histogram("rollo_agent_event_delay_seconds",
                  "From libvirt's callback until the event has gone to the sockets.",
                  EventDelay::bounds, sources.delay.counts(), sources.delay.sum().count());
    tellOfConsoles(out, sources.consoles.figures());
    tellOfLibvirt(out, sources.hypervisor.figures());
    gauge(out, "rollo_agent_state_saved",
          "0: what has to outlive the agent, the ids of VMs, cannot be written at present.",
          sources.stateSaved ? 1 : 0);
    return out.text();
}

}  // namespace rollo::agent
