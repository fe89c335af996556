// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/domain_xml.hpp"

#include <libxml/parser.h>
#include <libxml/tree.h>

#include <charconv>
#include <limits>
#include <string_view>

#include "common/unique_handle.hpp"

namespace rollo::virt {

namespace {

using Document = common::UniqueHandle<xmlDoc, xmlFreeDoc>;

std::string_view view(const xmlChar* text) {
    return text ? std::string_view(reinterpret_cast<const char*>(text)) : std::string_view();
}

struct XmlText {
    explicit XmlText(xmlChar* owned) : text(owned) {}
    ~XmlText() { xmlFree(text); }
    XmlText(const XmlText&) = delete;
    XmlText& operator=(const XmlText&) = delete;
    xmlChar* text;
};

std::string textOf(xmlNode* node) {
    const XmlText content(xmlNodeGetContent(node));
    return std::string(view(content.text));
}

std::string attribute(xmlNode* node, const char* name) {
    const XmlText value(xmlGetNoNsProp(node, reinterpret_cast<const xmlChar*>(name)));
    return std::string(view(value.text));
}

bool is(const xmlNode* node, std::string_view name, std::string_view space = {}) {
    return node->type == XML_ELEMENT_NODE && view(node->name) == name &&
           (node->ns ? view(node->ns->href) : std::string_view()) == space;
}

xmlNode* child(const xmlNode* parent, std::string_view name, std::string_view space = {}) {
    for (xmlNode* node = parent ? parent->children : nullptr; node; node = node->next)
        if (is(node, name, space)) return node;
    return nullptr;
}

Document parse(const std::string& text) {
    constexpr int options =
        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA;
    if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
    return Document(
        xmlReadMemory(text.data(), static_cast<int>(text.size()), nullptr, nullptr, options));
}

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || after != end) return std::nullopt;
    return value;
}

std::optional<proto::VmId> platformId(const xmlNode* metadata) {
    xmlNode* vm = child(metadata, "vm", metadataNamespace);
    if (!vm) return std::nullopt;
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

/// virDomainOpenConsole works on pseudo terminals alone.
bool hasConsole(const xmlNode* devices) {
    for (xmlNode* node = devices ? devices->children : nullptr; node; node = node->next)
        if ((is(node, "serial") || is(node, "console")) && attribute(node, "type") == "pty")
            return true;
    return false;
}

}  // namespace

std::optional<DomainXml> readDomainXml(const std::string& text) {
    const Document document = parse(text);
    xmlNode* root = document ? xmlDocGetRootElement(document.get()) : nullptr;
    if (!root || !is(root, "domain")) return std::nullopt;

    DomainXml read;
    xmlNode* name = child(root, "name");
    if (!name) return std::nullopt;
    read.name = textOf(name);
    read.id = number<int>(attribute(root, "id")).value_or(-1);
    if (xmlNode* title = child(root, "title")) read.title = textOf(title);
    const xmlNode* metadata = child(root, "metadata");
    read.platformId = platformId(metadata);
    read.os = operatingSystem(metadata);
    read.console = hasConsole(child(root, "devices"));
    return read;
}

std::optional<proto::Uuid> readHostUuid(const std::string& capabilities) {
    const Document document = parse(capabilities);
    const xmlNode* root = document ? xmlDocGetRootElement(document.get()) : nullptr;
    if (!root || !is(root, "capabilities")) return std::nullopt;
    xmlNode* uuid = child(child(root, "host"), "uuid");
    return uuid ? proto::Uuid::parse(textOf(uuid)) : std::nullopt;
}

}  // namespace rollo::virt
