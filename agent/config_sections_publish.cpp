// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "agent/config_option.hpp"
#include "agent/config_sections.hpp"
#include "agent/server/listen_address.hpp"

namespace rollo::agent {

using option::Reload;

namespace {

bool isSocketPath(std::string_view text) {
    return option::isPath(text) && server::ListenAddress::parse(fmt::format("unix:{}", text));
}

}  // namespace

std::vector<ConfigOption> publishOptions() {
    constexpr auto in = &Config::publish;
    return {
        option::text<in, &PublishConfig::socket>(
            "publish", "socket", Reload::no, "an absolute path of at most 107 bytes", isSocketPath,
            "A UNIX socket by which other programs of this host publish events without a token.\n"
            "It serves nothing else. Root and the agent's group alone can open it. Where this is\n"
            "not set, there is none. With a token they publish at server.listen."),
        option::integer<in, &PublishConfig::maxBytes>(
            "publish", "max_bytes", {1024, 1'048'576}, Reload::yes,
            "The longest body of a request that publishes, in bytes. Others get 413."),
        option::integer<in, &PublishConfig::eventsPerSecond>(
            "publish", "events_per_second", {1, 100'000}, Reload::yes,
            "How many events a program may publish in a second, in bursts twice as many (or 64). "
            "More\n"
            "get 429. Programs are told apart by the `sub` of their token; those that come by the\n"
            "socket are one."),
    };
}

}  // namespace rollo::agent
