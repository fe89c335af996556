// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/alert_metadata.hpp"

#include <libxml/tree.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "agent/virt/xml.hpp"

namespace rollo::virt {
namespace {

using core::AlertLevel;
using core::AlertOverride;
using core::AlertSource;

constexpr std::size_t mostFaults = 8;

std::optional<bool> onOrOff(const std::string& text) {
    if (text == "on") return true;
    return text == "off" ? std::optional(false) : std::nullopt;
}
std::optional<bool> trueOrFalse(const std::string& text) {
    if (text == "true") return true;
    return text == "false" ? std::optional(false) : std::nullopt;
}
std::optional<std::chrono::seconds> secondsIn(const std::string& text) {
    const auto number = xml::number<std::int64_t>(text);
    if (!number || *number < 0 || *number > core::longestFor.count()) return std::nullopt;
    return std::chrono::seconds(*number);
}
std::optional<proto::Severity> severityIn(const std::string& text) {
    return core::severity(text);
}

bool has(xmlNode* node, const char* attribute) {
    return xmlHasProp(node, reinterpret_cast<const xmlChar*>(attribute)) != nullptr;
}

class Reader {
  public:
    explicit Reader(std::string_view space) : space_(space) {}

    AlertMetadata read(xmlNode* vm) {
        if (const auto on = take(vm, "alerts", "", onOrOff, "\"on\" or \"off\""))
            result_.overrides = core::overridesOfAll(*on);
        for (const auto& [name, node] : xml::children(vm, space_))
            if (name == "alert") readAlert(node);
        return std::move(result_);
    }

  private:
    void report(std::string fault) {
        if (result_.faults.size() < mostFaults) result_.faults.push_back(std::move(fault));
    }

    /// What the attribute is, where it is there; what is wrong with it is reported.
    template <class Value>
    std::optional<Value> take(xmlNode* node, const char* name, std::string_view where,
                              std::optional<Value> (*parse)(const std::string&),
                              std::string_view mustBe) {
        if (!has(node, name)) return std::nullopt;
        auto value = parse(xml::attribute(node, name));
        if (!value) report(fmt::format("{}{}: must be {}", where, name, mustBe));
        return value;
    }

    void readAlert(xmlNode* node) {
        const auto source = core::alertSource(xml::attribute(node, "rule"));
        if (!source || !core::isAboutVm(*source))
            return report("an alert has no `rule`, or one that is none of those about VMs");
        const std::string where = fmt::format("alert {}: ", core::word(*source));
        if (!read_.insert(*source).second) return report(where + "is there twice");
        checkNames(node, where);
        AlertOverride& into = overrideOf(*source);
        if (const auto enabled = take(node, "enabled", where, trueOrFalse, "\"true\" or \"false\""))
            into.enabled = enabled;
        into.lasts = take(node, "for_seconds", where, secondsIn,
                          fmt::format("an integer from 0 to {}", core::longestFor.count()));
        if (core::hasThresholds(*source))
            readLevels(node, where, into);
        else if (const auto severity =
                     take(node, "severity", where, severityIn,
                          "one of \"info\", \"warning\", \"error\", \"critical\""))
            into.levels = {{*severity, 0, 0}};
    }

    /// That of `alerts` for all rules, or a new one.
    AlertOverride& overrideOf(AlertSource source) {
        auto& all = result_.overrides;
        const auto found = std::ranges::find(all, source, &AlertOverride::source);
        return found != all.end() ? *found : all.emplace_back(AlertOverride{source, {}, {}, {}});
    }

    void checkNames(xmlNode* node, const std::string& where) {
        for (const auto& name : xml::attributeNames(node))
            if (name != "rule" && name != "enabled" && name != "for_seconds" && name != "severity")
                report(where + "has an attribute that is unknown");
    }

    /// All or none: thresholds go together.
    void readLevels(xmlNode* node, const std::string& where, AlertOverride& into) {
        if (has(node, "severity")) report(where + "severity: this rule has thresholds instead");
        std::vector<AlertLevel> levels;
        for (const auto& [name, element] : xml::children(node, space_)) {
            const auto severity = core::severity(name);
            if (!severity) return report(where + "has an element that is no severity");
            const auto raise = xml::number<double>(xml::attribute(element, "raise"));
            const auto clear = xml::number<double>(xml::attribute(element, "clear"));
            if (!raise || !clear)
                return report(
                    fmt::format("{}{}: `raise` and `clear` must be numbers", where, name));
            levels.push_back({*severity, *raise, *clear});
        }
        if (levels.empty()) return;
        std::ranges::stable_sort(levels, {}, &AlertLevel::severity);
        if (const auto fault = core::faultOf(levels, into.source)) return report(where + *fault);
        into.levels = std::move(levels);
    }

    std::string_view space_;
    AlertMetadata result_;
    std::set<AlertSource> read_;
};

}  // namespace

AlertMetadata readAlertMetadata(xmlNode* vm, std::string_view space) {
    return Reader(space).read(vm);
}

}  // namespace rollo::virt
