// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "agent/alert_keys.hpp"
#include "agent/config_sections.hpp"

namespace rollo::agent {
namespace {

using core::AlertPolicy;
using core::AlertRule;
using core::AlertSource;

struct Section {
    std::string_view name;
    std::string_view help;
};

/// In the order of AlertSource. docs/alerts.md says more.
constexpr std::array<Section, core::alertSources> sections = {{
    {"alerts.vm_cpu", "How busy a VM keeps its vCPUs, in percent of them all."},
    {"alerts.vm_memory",
     "How much of a VM's memory its guest uses, in percent. Only where the guest itself says so."},
    {"alerts.vm_cpu_steal", "How long a VM's vCPUs wait for a processor, in percent of the time."},
    {"alerts.vm_disk_latency",
     "How long a VM's disks take for a request, in milliseconds: reads or writes, the slower."},
    {"alerts.vm_swap", "How much a guest swaps in and out, in bytes a second."},
    {"alerts.vm_crashed", "A VM's QEMU process has crashed or was killed."},
    {"alerts.vm_panicked", "A guest's kernel has panicked."},
    {"alerts.vm_watchdog", "A guest's watchdog device has fired: the guest hangs."},
    {"alerts.vm_io_error", "A request to a VM's disk has failed on the host."},
    {"alerts.vm_memory_failure", "The hardware has lost memory that a VM uses."},
    {"alerts.vm_unresponsive", "A VM's QEMU process does not answer libvirt."},
    {"alerts.server_cpu", "How busy the host's processors are, in percent."},
    {"alerts.server_cpu_steal",
     "How long the host, if it is a VM itself, waits for a processor, in percent of the time."},
    {"alerts.server_memory", "How much of the host's memory is used, caches left out, in percent."},
    {"alerts.server_swap", "How much of the host's swap space is used, in percent."},
    {"alerts.server_load", "The host's load average of one minute, for each of its processors."},
    {"alerts.server_disk", "How full the storage is that holds the guests' disks, in percent."},
    {"alerts.server_pool", "How full a storage pool is, in percent. Each has an alert of its own."},
    {"alerts.libvirt_lost", "The agent has no connection to libvirt."},
    {"alerts.agent_queues",
     "How much of server.total_queue_bytes waits for slow clients, in percent."},
}};

AlertRule& ruleOf(AlertPolicy& policy, AlertSource source) {
    return policy.rules[static_cast<std::size_t>(source)];
}
const AlertRule& ruleOf(const AlertPolicy& policy, AlertSource source) {
    return policy.rules[static_cast<std::size_t>(source)];
}

ConfigOption optionOf(const Section& section, AlertSource source, const AlertKey& key) {
    return {.section = section.name,
            .key = key.name,
            .type = key.type,
            .reloadable = true,
            .constraint = key.constraint(source),
            .help = &key == &alertKeys().front() ? section.help : std::string_view(),
            .set = [source, set = key.set](Config& config,
                                           const ConfigValue& value) -> std::optional<std::string> {
                core::AlertOverride change{source, {}, {}, {}};
                auto fault = set(change, value);
                if (!fault) change.applyTo(ruleOf(config.alerts, source));
                return fault;
            },
            .print =
                [source, print = key.print](const Config& config) {
                    return print(wholeOf(ruleOf(config.alerts, source)));
                },
            .copy =
                [source](Config& to, const Config& from) {
                    ruleOf(to.alerts, source) = ruleOf(from.alerts, source);
                }};
}

}  // namespace

std::vector<ConfigOption> alertOptions() {
    std::vector<ConfigOption> options;
    for (std::size_t i = 0; i < sections.size(); ++i)
        for (const AlertKey& key : alertKeys())
            if (const auto source = static_cast<AlertSource>(i); key.isOf(source))
                options.push_back(optionOf(sections[i], source, key));
    return options;
}

}  // namespace rollo::agent
