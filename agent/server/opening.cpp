// SPDX-License-Identifier: Apache-2.0
#include "agent/server/opening.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rollo::server {
namespace {

constexpr std::int64_t largestInteger = (std::int64_t{1} << 53) - 1;  // as in a message
constexpr std::size_t longestName = 64;
constexpr std::size_t epochDigits = 16;
constexpr std::string_view statsPath = "/ws/stats";

Refusal wrong(std::string_view parameter, std::string_view what) {
    return {400, fmt::format("the query parameter {} {}", parameter, what)};
}

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto comma = text.find(',');
        parts.push_back(text.substr(0, comma));
        if (comma == std::string_view::npos) return parts;
        text.remove_prefix(comma + 1);
    }
}

std::expected<std::optional<std::vector<std::int64_t>>, Refusal> ids(const Request& request,
                                                                     std::string_view name) {
    const std::string* text = request.argument(name);
    if (!text) return std::nullopt;
    std::vector<std::int64_t> list;
    if (!text->empty()) {
        for (const auto part : split(*text)) {
            const auto id = number<std::int64_t>(part);
            if (!id || *id < 1 || *id > largestInteger)
                return std::unexpected(wrong(name, "must be positive integers, parted by commas"));
            list.push_back(*id);
        }
    }
    return list;
}

std::expected<std::optional<std::vector<std::string>>, Refusal> events(const Request& request) {
    const std::string* text = request.argument("events");
    if (!text) return std::nullopt;
    std::vector<std::string> names;
    if (!text->empty()) {
        for (const auto part : split(*text)) {
            if (part.empty() || part.size() > longestName)
                return std::unexpected(
                    wrong("events", "must be names of 1 to 64 bytes, parted by commas"));
            names.emplace_back(part);
        }
    }
    return names;
}

std::expected<bool, Refusal> flag(const Request& request, std::string_view name, bool otherwise) {
    const std::string* text = request.argument(name);
    if (!text) return otherwise;
    if (*text != "0" && *text != "1") return std::unexpected(wrong(name, "must be 0 or 1"));
    return *text == "1";
}

/// What stands behind the prefix, if that is one non-empty path segment.
std::optional<std::string> segmentAfter(std::string_view path, std::string_view prefix) {
    if (!path.starts_with(prefix)) return std::nullopt;
    const std::string_view rest = path.substr(prefix.size());
    if (rest.empty() || rest.find('/') != std::string_view::npos) return std::nullopt;
    return std::string(rest);
}

std::optional<core::EventEndpoint> eventEndpoint(std::string_view path) {
    if (path == "/ws" || path == "/ws/monitor") return core::MonitorEndpoint{};
    if (auto vm = segmentAfter(path, "/ws/vm/")) return core::VmEndpoint{std::move(*vm)};
    if (auto server = segmentAfter(path, "/ws/server/"))
        return core::ServerEndpoint{std::move(*server)};
    return std::nullopt;
}

std::optional<std::string> consoleVm(std::string_view path) {
    return segmentAfter(path, "/ws/console/");
}

/// The header is a list of tokens, parted by commas and blanks (RFC 6455 §11.3.4).
bool asksForConsoleSubprotocol(const Request& request) {
    if (!request.subprotocols) return false;
    for (auto part : split(*request.subprotocols)) {
        while (part.starts_with(' ') || part.starts_with('\t')) part.remove_prefix(1);
        while (part.ends_with(' ') || part.ends_with('\t')) part.remove_suffix(1);
        if (part == consoleSubprotocol) return true;
    }
    return false;
}

std::expected<Opening, Refusal> readEvents(core::EventEndpoint endpoint, const Request& request) {
    core::Client::Opening opening;
    opening.endpoint = std::move(endpoint);
    const auto names = events(request);
    if (!names) return std::unexpected(names.error());
    const auto vmIds = ids(request, "vm_ids");
    if (!vmIds) return std::unexpected(vmIds.error());
    const auto serverIds = ids(request, "server_ids");
    if (!serverIds) return std::unexpected(serverIds.error());
    const auto resumePoint = readResumePoint(request, "resume");
    if (!resumePoint) return std::unexpected(resumePoint.error());
    const auto snapshot = flag(request, "snapshot", true);
    if (!snapshot) return std::unexpected(snapshot.error());
    const auto history = flag(request, "history", false);
    if (!history) return std::unexpected(history.error());
    proto::Filter filter{*names, *vmIds, *serverIds};
    if (filter.events || filter.vmIds || filter.serverIds)
        opening.subscribe = proto::Subscribe{std::move(filter), {}, *snapshot, {}, *history};
    opening.resume = *resumePoint;
    opening.snapshot = *snapshot;
    opening.history = *history;
    return opening;
}

/// The word, which has to be one of these; nothing where the parameter is not there.
std::expected<std::optional<std::string>, Refusal> oneOf(
    const Request& request, std::string_view name, std::initializer_list<std::string_view> words) {
    const std::string* text = request.argument(name);
    if (!text) return std::nullopt;
    if (std::ranges::find(words, *text) != words.end()) return *text;
    return std::unexpected(wrong(name, fmt::format("must be {}", fmt::join(words, " or "))));
}

std::expected<std::optional<std::string>, Refusal> deviceName(const Request& request) {
    const std::string* text = request.argument("device");
    if (!text) return std::nullopt;
    if (text->empty() || text->size() > longestName)
        return std::unexpected(wrong("device", "must be 1 to 64 bytes"));
    return *text;
}

std::expected<std::optional<std::string>, Refusal> epochOf(const Request& request) {
    const std::string* text = request.argument("epoch");
    if (!text) return std::nullopt;
    if (text->size() != epochDigits ||
        text->find_first_not_of("0123456789abcdef") != std::string::npos)
        return std::unexpected(wrong("epoch", "must be 16 lower-case hexadecimal digits"));
    return *text;
}

std::expected<std::optional<std::uint64_t>, Refusal> offset(const Request& request,
                                                            std::string_view name) {
    const std::string* text = request.argument(name);
    if (!text) return std::nullopt;
    const auto value = number<std::uint64_t>(*text);
    if (!value || *value > static_cast<std::uint64_t>(largestInteger))
        return std::unexpected(wrong(name, "must be a number of bytes"));
    return value;
}

std::expected<Opening, Refusal> readConsole(std::string vm, const Request& request) {
    const auto range = readConsoleRange(request);
    if (!range) return std::unexpected(range.error());
    const auto mode = oneOf(request, "mode", {"rw", "ro"});
    if (!mode) return std::unexpected(mode.error());
    const auto force = oneOf(request, "force", {"device"});
    if (!force) return std::unexpected(force.error());
    const auto epoch = epochOf(request);
    if (!epoch) return std::unexpected(epoch.error());
    core::ConsoleViewer::Opening opening;
    opening.vm = std::move(vm);
    opening.device = range->device;
    opening.tail = range->tail;
    opening.from = range->from;
    opening.epoch = *epoch;
    opening.readOnly = *mode == "ro";
    opening.forceDevice = force->has_value();
    return opening;
}

}  // namespace

std::expected<ConsoleRange, Refusal> readConsoleRange(const Request& request) {
    const auto device = deviceName(request);
    if (!device) return std::unexpected(device.error());
    const auto tail = offset(request, "tail");
    if (!tail) return std::unexpected(tail.error());
    const auto from = offset(request, "from");
    if (!from) return std::unexpected(from.error());
    if (*tail && *from) return std::unexpected(wrong("tail", "must not stand beside from"));
    return ConsoleRange{*device, *tail, *from};
}

std::expected<std::optional<proto::ResumePoint>, Refusal> readResumePoint(const Request& request,
                                                                          std::string_view name) {
    const std::string* text = request.argument(name);
    if (!text) return std::nullopt;
    const auto colon = text->find(':');
    const auto seq = colon == std::string::npos
                         ? std::nullopt
                         : number<proto::Seq>(std::string_view(*text).substr(colon + 1));
    if (!seq || *seq > static_cast<proto::Seq>(largestInteger) || colon == 0)
        return std::unexpected(wrong(name, "must be EPOCH:SEQ"));
    return proto::ResumePoint{text->substr(0, colon), *seq};
}

std::string_view endpointOf(std::string_view path) {
    static constexpr std::array<std::string_view, std::variant_size_v<core::EventEndpoint>> names =
        {"/ws/monitor", "/ws/vm/{vm}", "/ws/server/{server}"};
    if (const auto events = eventEndpoint(path)) return names[events->index()];
    if (consoleVm(path)) return "/ws/console/{vm}";
    return path == statsPath ? statsPath : std::string_view();
}

std::expected<Opening, Refusal> readOpening(const Request& request) {
    // Libwebsockets would end the connection without a word.
    if (request.subprotocols && !request.subprotocols->empty() &&
        !asksForConsoleSubprotocol(request))
        return std::unexpected(Refusal{
            400,
            fmt::format("there is no such subprotocol, but {} for consoles", consoleSubprotocol)});
    if (endpointOf(request.path).empty())
        return std::unexpected(Refusal{404, "there is no such endpoint"});
    if (auto vm = consoleVm(request.path)) return readConsole(std::move(*vm), request);
    if (asksForConsoleSubprotocol(request))
        return std::unexpected(
            Refusal{400, fmt::format("the subprotocol {} is for consoles", consoleSubprotocol)});
    if (auto endpoint = eventEndpoint(request.path))
        return readEvents(std::move(*endpoint), request);
    return core::StatsViewer::Opening{};
}

}  // namespace rollo::server
