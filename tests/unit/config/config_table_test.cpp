// SPDX-License-Identifier: Apache-2.0
#include "agent/config_table.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace rollo::agent;

TEST_CASE("names and variables are unique, and sections stand together") {
    std::set<std::string> names;
    std::set<std::string> variables;
    std::vector<std::string_view> sections;
    for (const ConfigOption& option : configOptions()) {
        names.insert(option.name());
        variables.insert(option.variable());
        if (sections.empty() || sections.back() != option.section)
            sections.push_back(option.section);
    }
    CHECK(names.size() == configOptions().size());
    CHECK(variables.size() == configOptions().size());
    CHECK(std::set(sections.begin(), sections.end()).size() == sections.size());
}

TEST_CASE("every option is complete, and takes its own default back") {
    for (const ConfigOption& option : configOptions()) {
        CAPTURE(option.name());
        // The first key of a rule for alerts speaks for the others.
        const bool explained = !option.section.starts_with("alerts.") || option.key == "enabled";
        CHECK(option.help.empty() != explained);
        if (explained) CHECK(option.help.ends_with("."));
        CHECK_FALSE(option.constraint.empty());
        CHECK(option.set);
        CHECK(option.print);
        CHECK(option.copy);
        CHECK(findOption(option.section, option.key) == &option);
        Config config;
        CHECK(option.set(config, ConfigValue()));
    }
}

TEST_CASE("options are found by section and key alone") {
    CHECK(findOption("server", "listen")->variable() == "ROLLO_SERVER_LISTEN");
    CHECK(findOption("server", "uri") == nullptr);
    CHECK(isSection("auth"));
    CHECK_FALSE(isSection("listen"));
}
