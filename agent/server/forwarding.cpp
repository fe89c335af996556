// SPDX-License-Identifier: Apache-2.0
#include "agent/server/forwarding.hpp"

#include "agent/server/authority.hpp"

namespace rollo::server {
namespace {

std::string_view withoutBlanks(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// An address; some proxies write brackets and a port as well.
std::optional<Address> addressIn(std::string_view entry) {
    if (const auto address = parseAddress(entry)) return address;
    const auto authority = Authority::parse(entry);
    if (!authority || !authority->literal) return std::nullopt;
    return parseAddress(authority->host);
}

/// From the right, as far as proxies vouch for it.
std::optional<Address> clientIn(std::string_view list, const TrustedProxies& proxies) {
    for (;;) {
        const auto comma = list.rfind(',');
        const auto address = addressIn(
            withoutBlanks(comma == std::string_view::npos ? list : list.substr(comma + 1)));
        if (!address || comma == std::string_view::npos || !proxies.contains(*address))
            return address;
        list = list.substr(0, comma);
    }
}

/// Some proxies name the schemes of WebSockets.
std::optional<bool> isEncrypted(std::string_view proto) {
    if (proto == "https" || proto == "wss") return true;
    if (proto == "http" || proto == "ws") return false;
    return std::nullopt;
}

}  // namespace

std::expected<Peer, Refusal> speakerOf(const Request& request, const TrustedProxies& proxies) {
    Peer speaker = request.peer;
    if (!speaker.proxy) return speaker;
    if (request.forwardedFor) {
        const auto client = clientIn(*request.forwardedFor, proxies);
        if (!client)
            return std::unexpected(
                Refusal{400, "X-Forwarded-For must be addresses, parted by commas"});
        speaker.address = *client;
        speaker.text = textOf(*client);
    }
    if (request.forwardedProto) {
        const auto encrypted = isEncrypted(*request.forwardedProto);
        if (!encrypted)
            return std::unexpected(Refusal{400, "X-Forwarded-Proto must be http or https"});
        speaker.tls = *encrypted;
    }
    return speaker;
}

}  // namespace rollo::server
