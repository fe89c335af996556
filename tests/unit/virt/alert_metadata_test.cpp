// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/alert_metadata.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "agent/virt/domain_xml.hpp"

using namespace rollo;
using namespace rollo::virt;
using namespace std::chrono_literals;
using core::AlertOverride;
using core::AlertSource;
using proto::Severity;

namespace {

using Lines = std::vector<std::string>;

AlertMetadata read(const std::string& inside, const std::string& attributes = "") {
    const auto xml = readDomainXml(
        fmt::format("<domain><name>web</name><metadata><r:vm xmlns:r='{}' {}>{}</r:vm></metadata>"
                    "</domain>",
                    metadataNamespace, attributes, inside));
    REQUIRE(xml);
    return xml->alerts;
}

/// The only fault, where nothing but `rest` was taken from the only alert.
std::string faultOf(const std::string& inside, const AlertOverride& rest) {
    const auto [overrides, faults] = read(inside);
    CHECK(overrides == std::vector{rest});
    return faults.size() == 1 ? faults[0] : std::to_string(faults.size());
}

constexpr AlertOverride nothing(AlertSource source) {
    return {source, {}, {}, {}};
}

}  // namespace

TEST_CASE("metadata without alerts says nothing of them") {
    CHECK(read("").overrides.empty());
    CHECK(read("<other rule='vm_cpu'/><alert rule='vm_cpu' enabled='false'/>").overrides.empty());
    CHECK(read("").faults.empty());
}

TEST_CASE("a VM has its own rules in its metadata") {
    const auto [overrides, faults] = read(
        "<r:alert rule='vm_cpu' enabled='false'/>\n"
        "<r:alert rule='vm_memory' for_seconds='60'>"
        "<r:critical raise='98.5' clear='95'/><r:warning clear='80' raise='90'/></r:alert>"
        "<r:alert rule='vm_crashed' severity='info' enabled='true'/>");
    CHECK(faults == Lines{});
    CHECK(overrides == std::vector<AlertOverride>{
                           {AlertSource::vmCpu, false, {}, {}},
                           {AlertSource::vmMemory,
                            {},
                            60s,
                            {{{Severity::warning, 90, 80}, {Severity::critical, 98.5, 95}}}},
                           {AlertSource::vmCrashed, true, {}, {{{Severity::info, 0, 0}}}}});
}

TEST_CASE("one attribute switches all of a VM's alerts, and its rules know better") {
    CHECK(read("", "alerts='off'").overrides == core::overridesOfAll(false));
    CHECK(read("", "alerts='on'").overrides == core::overridesOfAll(true));
    for (const AlertOverride& each :
         read("<r:alert rule='vm_crashed' enabled='true'/>", "alerts='off'").overrides)
        CHECK(each.enabled == (each.source == AlertSource::vmCrashed));
    // An alert that does not say whether it is on leaves that to all.
    for (const AlertOverride& each :
         read("<r:alert rule='vm_crashed' for_seconds='3'/>", "alerts='off'").overrides)
        CHECK(each.enabled == false);
}

TEST_CASE("what is wrong is told, in fixed words, and the rest holds") {
    const auto cpu = nothing(AlertSource::vmCpu);
    CHECK(faultOf("<r:alert rule='vm_cpu' enabled='no'/>", cpu) ==
          "alert vm_cpu: enabled: must be \"true\" or \"false\"");
    for (const char* bad : {"", "-1", "86401", "5m", "1.5"})
        CHECK(faultOf(fmt::format("<r:alert rule='vm_cpu' for_seconds='{}'/>", bad), cpu) ==
              "alert vm_cpu: for_seconds: must be an integer from 0 to 86400");
    CHECK(faultOf("<r:alert rule='vm_cpu' for='5' enabled='true'/>",
                  {AlertSource::vmCpu, true, {}, {}}) ==
          "alert vm_cpu: has an attribute that is unknown");
    CHECK(faultOf("<r:alert rule='vm_cpu' severity='error'/>", cpu) ==
          "alert vm_cpu: severity: this rule has thresholds instead");
    CHECK(faultOf("<r:alert rule='vm_crashed' severity='bad'/>", nothing(AlertSource::vmCrashed)) ==
          "alert vm_crashed: severity: must be one of \"info\", \"warning\", \"error\", "
          "\"critical\"");
    CHECK(faultOf("<r:alert rule='vm_cpu'><r:fatal raise='9' clear='8'/></r:alert>", cpu) ==
          "alert vm_cpu: has an element that is no severity");
    CHECK(faultOf("<r:alert rule='vm_cpu'><r:error raise='9'/></r:alert>", cpu) ==
          "alert vm_cpu: error: `raise` and `clear` must be numbers");
    CHECK(faultOf("<r:alert rule='vm_cpu'><r:error raise='8' clear='9'/></r:alert>", cpu) ==
          "alert vm_cpu: error.clear: must be from 0 to what `raise` is");
    CHECK(faultOf("<r:alert rule='vm_cpu'><r:error raise='nan' clear='9'/></r:alert>", cpu) ==
          "alert vm_cpu: error.raise: must be above 0 and at most 100");
    CHECK(faultOf("<r:alert rule='vm_cpu'><r:error raise='9' clear='8'/>"
                  "<r:error raise='10' clear='9'/></r:alert>",
                  cpu) == "alert vm_cpu: error: must come once, the least severity first");
    CHECK(faultOf("<r:alert rule='vm_cpu' enabled='false'/><r:alert rule='vm_cpu' enabled='true'/>",
                  {AlertSource::vmCpu, false, {}, {}}) == "alert vm_cpu: is there twice");
    const Lines unknown{"an alert has no `rule`, or one that is none of those about VMs"};
    for (const char* bad : {"", "rule=''", "rule='vm_cpus'", "rule='server_cpu'"})
        CHECK(read(fmt::format("<r:alert {} enabled='true'/>", bad)).faults == unknown);
    CHECK(read("", "alerts='none'").faults == Lines{"alerts: must be \"on\" or \"off\""});
    CHECK(read("", "alerts='none'").overrides.empty());
}

TEST_CASE("no more than a few faults are told of one VM") {
    std::string alerts;
    for (int i = 0; i < 1000; ++i) alerts += "<r:alert rule='x'/>";
    CHECK(read(alerts).faults.size() == 8);
}
