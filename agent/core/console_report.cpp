// SPDX-License-Identifier: Apache-2.0
#include "agent/core/console_report.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "agent/core/console_viewer.hpp"

namespace rollo::core {
namespace {

std::string_view word(ConsoleDevice::Kind kind) {
    switch (kind) {
        case ConsoleDevice::Kind::serial:
            return "serial";
        case ConsoleDevice::Kind::virtio:
            return "virtio";
        case ConsoleDevice::Kind::other:
            break;
    }
    return "other";
}

proto::ConsoleInfo::Viewer describe(const ConsoleViewer& viewer, const Console& console) {
    return {viewer.principal().user, viewer.address(), viewer.connection(),
            console.lease().heldBy(viewer), viewer.mayWrite()};
}

void describe(const Console& console, proto::ConsoleInfo& info) {
    const auto status = console.status(nullptr);
    const bool letGo = console.viewers().empty() && !console.attached() &&
                       status.state == proto::ConsoleState::suspended;
    if (!letGo) {
        info.state = status.state;
        info.message = status.message;
    }
    info.startOffset = console.scrollback().begin();
    info.nextOffset = console.scrollback().end();
    info.keptBytes = console.scrollback().size();
    info.writerUser = status.writerUser;
    for (const ConsoleViewer* viewer : console.viewers())
        info.viewers.push_back(describe(*viewer, console));
}

}  // namespace

std::vector<proto::ConsoleInfo> describeConsoles(const Vm& vm, const Consoles& consoles) {
    std::vector<proto::ConsoleInfo> all;
    for (const auto& device : vm.consoles) {
        proto::ConsoleInfo info;
        info.device = device.alias;
        info.kind = word(device.kind);
        info.backend = device.backend;
        info.openable = device.openable();
        info.log = device.log.has_value();
        info.bootId = vm.info.bootId;
        info.state = proto::ConsoleState::closed;
        info.message = "nobody watches, and the agent is not attached";
        if (const Console* console = consoles.find(vm.info.identity.uuid, device.alias))
            describe(*console, info);
        all.push_back(std::move(info));
    }
    return all;
}

std::string consoleText(const Console* console, std::optional<Scrollback::Offset> from,
                        std::optional<Scrollback::Offset> tail) {
    if (!console) return {};
    const Scrollback& scrollback = console->scrollback();
    Scrollback::Offset start = from.value_or(scrollback.begin());
    if (tail) start = std::max(start, scrollback.end() - std::min(*tail, scrollback.end()));
    std::string text;
    auto cursor = scrollback.at(start);
    while (true) {
        if (const auto mark = scrollback.takeMark(cursor)) {
            if (mark->kind != Scrollback::Mark::Kind::gap) continue;
            if (mark->approximate && text.empty()) continue;  // there is always something before
            text += mark->approximate
                        ? std::string("\r\n[rollo: something may be missing here]\r\n")
                        : fmt::format("\r\n[rollo: {} bytes are missing here]\r\n",
                                      mark->to - mark->from);
            continue;
        }
        const std::string bytes = scrollback.read(cursor, scrollback.size());
        if (bytes.empty()) return text;
        text += bytes;
        cursor.offset += bytes.size();
    }
}

}  // namespace rollo::core
