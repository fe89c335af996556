// SPDX-License-Identifier: Apache-2.0
#include "agent/config_alerts.hpp"
#include "agent/config_changes.hpp"
#include "agent/config_loader.hpp"
#include "agent/config_table.hpp"
#include "tests/fuzz/check.hpp"

/// A configuration file: what is wrong is said in one line each, and what is taken is the same when
/// it is written and read again.
namespace rollo::fuzz {
namespace {

using namespace agent;

std::string written(const Config& config) {
    std::string text;
    for (const auto& option : configOptions())
        if (const auto value = option.print(config)) text += option.name() + " = " + *value + "\n";
    for (const auto& [name, value] : printVmAlerts(config.alerts))
        text += name + " = " + value + "\n";
    return text;
}

}  // namespace
}  // namespace rollo::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rollo;
    using namespace rollo::fuzz;
    agent::Config config;
    agent::ConfigErrors errors;
    agent::applyToml(textOf(data, size), "file", config, errors);
    for (const auto& error : errors) {
        demand(error.starts_with("file:"), "an error says where");
        if (!isOneLine(error)) std::fprintf(stderr, "%s\n", error.c_str());
        demand(isOneLine(error), "an error is one line");
    }
    if (!errors.empty()) return 0;
    agent::Config again;
    const std::string once = written(config);
    agent::applyToml(once, "written", again, errors);
    if (!errors.empty()) std::fprintf(stderr, "%s\n%s\n", errors.front().c_str(), once.c_str());
    demand(errors.empty(), "what is written can be read");
    demand(written(again) == once, "it means the same");
    demand(agent::changesBetween(config, again).empty(), "nothing has changed");
    return 0;
}
