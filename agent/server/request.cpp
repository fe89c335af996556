// SPDX-License-Identifier: Apache-2.0
#include "agent/server/request.hpp"

#include <charconv>

#include <fmt/format.h>

namespace rollo::server {
namespace {

constexpr std::int64_t largestInteger = (std::int64_t{1} << 53) - 1;  // as in a message
constexpr std::size_t longestName = 64;

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

std::expected<std::optional<proto::ResumePoint>, Refusal> resume(const Request& request) {
    const std::string* text = request.argument("resume");
    if (!text) return std::nullopt;
    const auto colon = text->find(':');
    const auto seq = colon == std::string::npos
                         ? std::nullopt
                         : number<proto::Seq>(std::string_view(*text).substr(colon + 1));
    if (!seq || *seq > static_cast<proto::Seq>(largestInteger) || colon == 0)
        return std::unexpected(wrong("resume", "must be EPOCH:SEQ"));
    return proto::ResumePoint{text->substr(0, colon), *seq};
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

}  // namespace

const std::string* Request::argument(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return &value;
    return nullptr;
}

const std::string* Request::token() const {
    return bearer ? &*bearer : argument("token");
}

std::optional<core::EventEndpoint> eventEndpoint(std::string_view path) {
    if (path == "/ws" || path == "/ws/monitor") return core::MonitorEndpoint{};
    if (auto vm = segmentAfter(path, "/ws/vm/")) return core::VmEndpoint{std::move(*vm)};
    if (auto server = segmentAfter(path, "/ws/server/"))
        return core::ServerEndpoint{std::move(*server)};
    return std::nullopt;
}

std::expected<core::Client::Opening, Refusal> readOpening(core::EventEndpoint endpoint,
                                                          const Request& request) {
    core::Client::Opening opening;
    opening.endpoint = std::move(endpoint);
    const auto names = events(request);
    if (!names) return std::unexpected(names.error());
    const auto vmIds = ids(request, "vm_ids");
    if (!vmIds) return std::unexpected(vmIds.error());
    const auto serverIds = ids(request, "server_ids");
    if (!serverIds) return std::unexpected(serverIds.error());
    const auto resumePoint = resume(request);
    if (!resumePoint) return std::unexpected(resumePoint.error());
    const auto snapshot = flag(request, "snapshot", true);
    if (!snapshot) return std::unexpected(snapshot.error());
    proto::Filter filter{*names, *vmIds, *serverIds};
    if (filter.events || filter.vmIds || filter.serverIds)
        opening.subscribe = proto::Subscribe{std::move(filter), {}, *snapshot, {}};
    opening.resume = *resumePoint;
    opening.snapshot = *snapshot;
    return opening;
}

}  // namespace rollo::server
