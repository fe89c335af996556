// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/xml.hpp"

#include <libxml/parser.h>

#include <limits>

namespace rollo::virt::xml {

namespace {

std::string_view view(const xmlChar* text) {
    return text ? std::string_view(reinterpret_cast<const char*>(text)) : std::string_view();
}

struct OwnText {
    explicit OwnText(xmlChar* owned) : text(owned) {}
    ~OwnText() { xmlFree(text); }
    OwnText(const OwnText&) = delete;
    OwnText& operator=(const OwnText&) = delete;
    xmlChar* text;
};

}  // namespace

Document parse(const std::string& text) {
    constexpr int options =
        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA;
    if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
    return Document(
        xmlReadMemory(text.data(), static_cast<int>(text.size()), nullptr, nullptr, options));
}

std::string textOf(xmlNode* node) {
    const OwnText content(xmlNodeGetContent(node));
    return std::string(view(content.text));
}

std::string attribute(xmlNode* node, const char* name) {
    const OwnText value(xmlGetNoNsProp(node, reinterpret_cast<const xmlChar*>(name)));
    return std::string(view(value.text));
}

std::vector<std::string> attributeNames(const xmlNode* node) {
    std::vector<std::string> names;
    for (const xmlAttr* each = node->properties; each; each = each->next)
        if (!each->ns) names.emplace_back(view(each->name));
    return names;
}

bool is(const xmlNode* node, std::string_view name, std::string_view space) {
    return node->type == XML_ELEMENT_NODE && view(node->name) == name &&
           (node->ns ? view(node->ns->href) : std::string_view()) == space;
}

xmlNode* child(const xmlNode* parent, std::string_view name, std::string_view space) {
    for (xmlNode* node = parent ? parent->children : nullptr; node; node = node->next)
        if (is(node, name, space)) return node;
    return nullptr;
}

std::vector<std::pair<std::string, xmlNode*>> children(const xmlNode* parent,
                                                       std::string_view space) {
    std::vector<std::pair<std::string, xmlNode*>> found;
    for (xmlNode* node = parent->children; node; node = node->next)
        if (const std::string name(view(node->name)); is(node, name, space))
            found.emplace_back(name, node);
    return found;
}

}  // namespace rollo::virt::xml
