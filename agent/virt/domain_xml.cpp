// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/domain_xml.hpp"

#include <algorithm>

#include "agent/virt/console_devices.hpp"
#include "agent/virt/xml.hpp"

namespace rollo::virt {

namespace {

using xml::attribute;
using xml::child;
using xml::number;
using xml::textOf;

std::optional<proto::VmId> platformId(xmlNode* vm) {
    const auto id = number<proto::VmId>(attribute(vm, "id"));
    if (!id || *id < 1 || *id > largestVmId) return std::nullopt;
    return id;
}

std::optional<std::string> operatingSystem(const xmlNode* metadata) {
    xmlNode* os = child(child(metadata, "libosinfo", libosinfoNamespace), "os", libosinfoNamespace);
    if (!os) return std::nullopt;
    const std::string id = attribute(os, "id");
    return id.empty() ? std::nullopt : std::optional(id);
}

std::optional<bool> attachAlways(xmlNode* vm) {
    const std::string word = attribute(vm, "console");
    if (word == "always") return true;
    if (word == "on_demand") return false;
    return std::nullopt;
}

std::vector<std::string> diskTargets(const xmlNode* devices) {
    std::vector<std::string> targets;
    for (xmlNode* node = devices ? devices->children : nullptr; node; node = node->next) {
        if (!xml::is(node, "disk")) continue;
        const std::string device = attribute(node, "device");
        if (device == "cdrom" || device == "floppy") continue;
        if (xmlNode* target = child(node, "target")) targets.push_back(attribute(target, "dev"));
    }
    return targets;
}

}  // namespace

std::optional<DomainXml> readDomainXml(const std::string& text) {
    const xml::Document document = xml::parse(text);
    xmlNode* root = document ? xmlDocGetRootElement(document.get()) : nullptr;
    if (!root || !xml::is(root, "domain")) return std::nullopt;

    DomainXml read;
    xmlNode* name = child(root, "name");
    if (!name) return std::nullopt;
    read.name = textOf(name);
    read.id = number<int>(attribute(root, "id")).value_or(-1);
    if (xmlNode* title = child(root, "title")) read.title = textOf(title);
    const xmlNode* metadata = child(root, "metadata");
    if (xmlNode* vm = child(metadata, "vm", metadataNamespace)) {
        read.platformId = platformId(vm);
        read.attachAlways = attachAlways(vm);
        read.alerts = readAlertMetadata(vm, metadataNamespace);
    }
    read.os = operatingSystem(metadata);
    const xmlNode* devices = child(root, "devices");
    read.disks = diskTargets(devices);
    read.consoles = consoleDevices(devices);
    read.console = std::ranges::any_of(read.consoles, &core::ConsoleDevice::openable);
    return read;
}

std::optional<proto::Uuid> readHostUuid(const std::string& capabilities) {
    const xml::Document document = xml::parse(capabilities);
    const xmlNode* root = document ? xmlDocGetRootElement(document.get()) : nullptr;
    if (!root || !xml::is(root, "capabilities")) return std::nullopt;
    xmlNode* uuid = child(child(root, "host"), "uuid");
    return uuid ? proto::Uuid::parse(textOf(uuid)) : std::nullopt;
}

}  // namespace rollo::virt
