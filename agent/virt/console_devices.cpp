// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/console_devices.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "agent/virt/xml.hpp"

namespace rollo::virt {

namespace {

using core::ConsoleDevice;
using core::ConsoleLogFile;

std::optional<ConsoleLogFile> logFile(xmlNode* device) {
    xmlNode* log = xml::child(device, "log");
    if (!log) return std::nullopt;
    std::string path = xml::attribute(log, "file");
    if (path.empty()) return std::nullopt;
    return ConsoleLogFile{std::move(path), xml::attribute(log, "append") == "on"};
}

ConsoleDevice device(xmlNode* node, ConsoleDevice::Kind kind, const std::string& futureAlias) {
    ConsoleDevice read;
    if (xmlNode* alias = xml::child(node, "alias")) read.alias = xml::attribute(alias, "name");
    if (read.alias.empty()) read.alias = futureAlias;
    read.kind = kind;
    read.backend = xml::attribute(node, "type");
    read.log = logFile(node);
    return read;
}

ConsoleDevice::Kind consoleKind(const std::string& target) {
    if (target == "virtio") return ConsoleDevice::Kind::virtio;
    if (target == "serial") return ConsoleDevice::Kind::serial;
    return ConsoleDevice::Kind::other;
}

std::string targetType(xmlNode* console) {
    xmlNode* target = xml::child(console, "target");
    return target ? xml::attribute(target, "type") : std::string();
}

}  // namespace

std::vector<ConsoleDevice> consoleDevices(const xmlNode* devices) {
    std::vector<ConsoleDevice> serials;
    std::vector<ConsoleDevice> consoles;
    std::size_t consolesSeen = 0;
    bool serialFirst = true;
    for (xmlNode* node = devices ? devices->children : nullptr; node; node = node->next)
        if (xml::is(node, "serial"))
            serials.push_back(device(node, ConsoleDevice::Kind::serial,
                                     "serial" + std::to_string(serials.size())));
    for (xmlNode* node = devices ? devices->children : nullptr; node; node = node->next) {
        if (!xml::is(node, "console")) continue;
        const std::size_t index = consolesSeen++;
        const auto kind = consoleKind(targetType(node));
        // Libvirt shows the first serial line as the first console as well.
        if (index == 0 && kind == ConsoleDevice::Kind::serial && !serials.empty()) continue;
        if (index == 0) serialFirst = false;
        const char* prefix = kind == ConsoleDevice::Kind::serial ? "serial" : "console";
        consoles.push_back(device(node, kind, prefix + std::to_string(index)));
    }
    // Virtual machines are asked for their first console before their first serial line.
    auto& first = serialFirst ? serials : consoles;
    auto& then = serialFirst ? consoles : serials;
    std::move(then.begin(), then.end(), std::back_inserter(first));
    return std::move(first);
}

}  // namespace rollo::virt
