// SPDX-License-Identifier: Apache-2.0
#include "agent/config_sections.hpp"

#include "agent/config_option.hpp"

namespace rollo::agent {

using option::Reload;

namespace {

constexpr std::string_view onDemand = "on_demand";
constexpr std::string_view always = "always";

ConfigOption attachOption() {
    auto result = option::base<&Config::console, &ConsoleConfig::attachAlways>(
        "console", "attach", ConfigType::text, Reload::yes, "\"on_demand\" or \"always\"",
        "When the agent holds a guest's serial console: while somebody watches and for a while\n"
        "after, or as long as the guest runs, so that nothing it prints is missed. While the "
        "agent\n"
        "holds it, others (virsh console) do not get it. The attribute `console` of the rollo:vm\n"
        "element in a VM's metadata says otherwise for that VM.");
    result.set = [wrong = "must be " + result.constraint](
                     Config& config, const ConfigValue& value) -> std::optional<std::string> {
        const auto* word = std::get_if<std::string>(&value);
        if (!word || (*word != onDemand && *word != always)) return wrong;
        config.console.attachAlways = *word == always;
        return std::nullopt;
    };
    result.print = [](const Config& config) -> std::optional<std::string> {
        return option::quoted(config.console.attachAlways ? always : onDemand);
    };
    return result;
}

}  // namespace

std::vector<ConfigOption> consoleOptions() {
    constexpr auto in = &Config::console;
    return {
        option::flag<in, &ConsoleConfig::enabled>(
            "console", "enabled", Reload::yes,
            "Whether serial consoles are served at all. `rollo-agent console enable` sets it.\n"
            "Switched off, open ones are closed."),
        attachOption(),
        option::integer<in, &ConsoleConfig::linger>(
            "console", "linger_seconds", {0, 86'400}, Reload::yes,
            "How long a console stays attached after its last viewer has gone, in seconds."),
        option::integer<in, &ConsoleConfig::scrollbackBytes>(
            "console", "scrollback_bytes", {4096, 67'108'864}, Reload::yes,
            "How much of the latest output of a console is kept, in bytes."),
        option::integer<in, &ConsoleConfig::bootBytes>(
            "console", "boot_bytes", {0, 67'108'864}, Reload::yes,
            "How much of the first output of a guest's present boot is kept beside it, in bytes."),
        option::integer<in, &ConsoleConfig::totalBytes>(
            "console", "total_bytes", {1'048'576, 68'719'476'736}, Reload::yes,
            "How much is kept of all consoles together, in bytes; beyond that those that nobody\n"
            "watches lose theirs first."),
        option::integer<in, &ConsoleConfig::maxAttached>(
            "console", "max_attached", {1, 10'000}, Reload::yes,
            "How many consoles may be attached at once."),
        option::integer<in, &ConsoleConfig::maxPerUser>(
            "console", "max_per_user", {1, 10'000}, Reload::yes,
            "How many consoles one user (the `sub` of a token) may have open. Others are closed "
            "with\n"
            "4008."),
        option::integer<in, &ConsoleConfig::inputBytesPerSecond>(
            "console", "input_bytes_per_second", {1, 1'000'000}, Reload::yes,
            "How fast what is typed or pasted goes to a guest, in bytes: a serial line is slow, "
            "and\n"
            "what it cannot take in time is lost inside the guest."),
        option::integer<in, &ConsoleConfig::inputBurstBytes>(
            "console", "input_burst_bytes", {1, 1'048'576}, Reload::yes,
            "How much of it may go at once, in bytes."),
        option::integer<in, &ConsoleConfig::inputQueueBytes>(
            "console", "input_queue_bytes", {1024, 16'777'216}, Reload::yes,
            "How much of it may wait for one guest, in bytes; beyond that the writer is not read."),
        option::integer<in, &ConsoleConfig::viewerWindowBytes>(
            "console", "viewer_window_bytes", {4096, 16'777'216}, Reload::yes,
            "How much output may be on its way to one viewer, in bytes. One that falls further\n"
            "behind than the scrollback reaches is told what it missed."),
        option::integer<in, &ConsoleConfig::leaseIdle>(
            "console", "lease_idle_seconds", {1, 86'400}, Reload::yes,
            "How long who may type keeps that right without typing, in seconds."),
    };
}

}  // namespace rollo::agent
