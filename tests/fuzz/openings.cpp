// SPDX-License-Identifier: Apache-2.0
#include "agent/server/opening.hpp"

#include "tests/fuzz/fixed_words.hpp"

/// What a WebSocket is opened for. The input is the path, then the header with the subprotocols,
/// then the arguments, each on a line; all as they are once libwebsockets has decoded them.
namespace rollo::fuzz {
namespace {

const Words refusals{
    "EPOCH",  "SEQ",        "a",        "be",       "beside",      "but",     "by",       "bytes",
    "case",   "commas",     "console",  "consoles", "device",      "digits",  "endpoint", "epoch",
    "events", "for",        "force",    "from",     "hexadecimal", "history", "integers", "is",
    "lower",  "mode",       "must",     "names",    "no",          "not",     "number",   "of",
    "or",     "parameter",  "parted",   "positive", "query",       "resume",  "ro",       "rollo",
    "rw",     "server_ids", "snapshot", "stand",    "subprotocol", "such",    "tail",     "the",
    "there",  "to",         "v",        "vm_ids",
};

void demandExact(const std::optional<std::vector<std::int64_t>>& ids) {
    if (!ids) return;
    for (const auto id : *ids) demand(id >= 1 && id < std::int64_t{1} << 53, "an id is exact");
}

void demandBounds(const server::Opening& opening, std::string_view path) {
    if (const auto* console = std::get_if<core::ConsoleViewer::Opening>(&opening)) {
        demand(path == "/ws/console/" + console->vm, "the VM is the path's");
        demand(!console->vm.empty() && console->vm.find('/') == std::string::npos, "one segment");
        demand(!console->tail || !console->from, "not both");
        demand(!console->epoch || console->epoch->size() == 16, "an epoch has 16 digits");
    }
    const auto* events = std::get_if<core::Client::Opening>(&opening);
    if (!events || !events->subscribe) return;
    demandExact(events->subscribe->filter.vmIds);
    demandExact(events->subscribe->filter.serverIds);
}

server::Request request(std::string_view text) {
    const auto lines = split(text, '\n');
    server::Request request;
    request.path = lines[0];
    if (lines.size() > 1 && !lines[1].empty()) request.subprotocols = lines[1];
    for (std::size_t i = 2; i < lines.size(); ++i) {
        const auto equals = std::min(lines[i].find('='), lines[i].size());
        const auto value = lines[i].substr(std::min(equals + 1, lines[i].size()));
        request.query.emplace_back(lines[i].substr(0, equals), value);
    }
    return request;
}

}  // namespace
}  // namespace rollo::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rollo;
    using namespace rollo::fuzz;
    const auto asked = request(textOf(data, size));
    const auto opening = server::readOpening(asked);
    if (opening) {
        demand(!server::endpointOf(asked.path).empty(), "there is such an endpoint");
        demandBounds(*opening, asked.path);
        return 0;
    }
    demand(opening.error().status == 400 || opening.error().status == 404, "it is refused");
    const bool known = isMadeOf(refusals, opening.error().message);
    if (!known) std::fprintf(stderr, "%s\n", opening.error().message.c_str());
    demand(known, "a refusal is made of fixed words");
    return 0;
}
