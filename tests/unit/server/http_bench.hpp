// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/auth/token_signer.hpp"
#include "agent/server/http_routes.hpp"
#include "tests/fakes/examples.hpp"
#include "tests/fakes/fake_hypervisor.hpp"
#include "tests/fakes/wire.hpp"

/// What the tests of HTTP's answers share.
namespace rollo::tests {

inline auth::Key key() {
    return {.material = "0123456789abcdef0123456789abcdef"};
}

inline auth::TokenVerifier verifier() {
    auth::KeySet keys;
    keys.add(key());
    return auth::TokenVerifier(std::move(keys), {});
}

inline std::string token(std::vector<std::string> vms = {}, std::string role = "viewer",
                         std::optional<std::vector<std::string>> permissions = {}) {
    auth::TokenRequest request;
    request.subject = "alice";
    request.roles = {std::move(role)};
    request.permissions = std::move(permissions);
    if (!vms.empty()) request.vms = std::move(vms);
    return auth::signToken(request, key(), at().wall);
}

/// A server of VMs 1 `web` and 2 `db`, which nobody may ask without a token.
struct HttpBench {
    core::Hub hub{"0123456789abcdef"};
    core::HostState state;
    FakeHypervisor hypervisor;
    std::vector<std::string> deeds;
    core::Consoles consoles{{}, state, hypervisor, [this](const core::ConsoleDeed& deed) {
                                deeds.push_back(fmt::format("{} from {} {} of {}", deed.user,
                                                            deed.address, deed.what, deed.vm));
                            }};
    server::Services services{{}, hub, state, consoles, verifier(), {}, {}};

    HttpBench() {
        state.server.id = 7;
        state.server.hostname = "host";
        state.server.agentVersion = "0.1.0";
        state.server.libvirtConnected = true;
        state.inventoryRead = true;
        for (const auto& identity : {vm(2, "db"), vm(1, "web")}) {
            core::Vm known;
            known.info = vmInfo(identity);
            state.vms.emplace(identity.uuid, known);
        }
    }
    void serveConsoles() {
        core::ConsoleSettings settings;
        settings.enabled = true;
        settings.attachAlways = true;
        consoles.reconfigure(settings, at());
        state.vms.at(uuid(1)).consoles = {
            {"serial0", core::ConsoleDevice::Kind::serial, "pty", {}}};
    }
    /// On VM 1.
    void print(std::string bytes) {
        consoles.tick(at());
        consoles.apply(core::ConsoleOpened{hypervisor.stream(), {}}, at());
        hypervisor.output = {0, std::move(bytes)};
        consoles.apply(core::ConsoleReadable{hypervisor.stream()}, at());
    }
    server::Reply get(std::string path, std::optional<std::string> bearer = {}) {
        server::Request request;
        request.method = "GET";
        request.path = std::move(path);
        request.bearer = std::move(bearer);
        return server::answer(request, services, at());
    }
};

inline std::string code(const server::Reply& reply) {
    const Document body(reply.body);
    CHECK_FALSE(body.text("message").empty());
    return body.text("code");
}

}  // namespace rollo::tests
