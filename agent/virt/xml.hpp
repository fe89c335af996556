// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libxml/tree.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/unique_handle.hpp"

/// What is needed of libxml2 to look something up in a small document. Untrusted text is welcome.
namespace rollo::virt::xml {

using Document = common::UniqueHandle<xmlDoc, xmlFreeDoc>;

/// Nothing if it is not well-formed. Reads neither files nor the network, whatever it says.
Document parse(const std::string& text);

/// The text of an element and of all that is in it.
std::string textOf(xmlNode* node);
/// Empty where there is none.
std::string attribute(xmlNode* node, const char* name);
/// Of the attributes that stand in no namespace.
std::vector<std::string> attributeNames(const xmlNode* node);
bool is(const xmlNode* node, std::string_view name, std::string_view space = {});
/// The first such element in that one; nothing where that one is nothing, too.
xmlNode* child(const xmlNode* parent, std::string_view name, std::string_view space = {});
/// All elements of that namespace in that one, in order, with their names.
std::vector<std::pair<std::string, xmlNode*>> children(const xmlNode* parent,
                                                       std::string_view space);

/// The whole text is such a number.
template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || after != end) return std::nullopt;
    return value;
}

}  // namespace rollo::virt::xml
