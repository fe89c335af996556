// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "agent/core/jobs.hpp"
#include "tests/unit/core/host_bench.hpp"

/// Two VMs, and what libvirt tells of their jobs.
namespace rollo::tests {

inline constexpr std::uint64_t mib = 1 << 20;

inline core::JobFigures figures(core::JobKind kind, std::uint64_t doneMib,
                                std::uint64_t totalMib = 100) {
    core::JobFigures made;
    made.kind = kind;
    made.bytesTotal = totalMib * mib;
    made.bytesProcessed = doneMib * mib;
    made.bytesRemaining = (totalMib - doneMib) * mib;
    return made;
}

/// The first is `libvirt:0123456789abcdef:1`; a line says `1 save 40 in_progress`.
inline std::string jobLine(const Message& m) {
    if (m.type() != "progress") return line(m);
    const std::string id = m.text("data.operation_id");
    return fmt::format("{} {} {} {}", id.substr(id.rfind(':') + 1), m.text("data.operation_type"),
                       m.number("data.progress_percent"), m.text("data.status"));
}

/// VM 1 runs, VM 2 too.
struct JobsBench : HostBench {
    explicit JobsBench(const core::SavedState& saved = {}) : HostBench(saved) {
        begin({runningVm(1, 5), runningVm(2, 6)});
    }
    core::JobRef job(int number = 1, std::string disk = {}) {
        return {domain(number, number + 4), std::move(disk)};
    }
    JobsBench& look(std::vector<core::JobSeen> jobs = {}, std::vector<proto::Uuid> silent = {}) {
        tell(core::JobsSeen{std::move(jobs), std::move(silent)});
        return *this;
    }
    JobsBench& saving(std::uint64_t doneMib) {
        return look({{job(), figures(core::JobKind::save, doneMib)}});
    }
    JobsBench& ended(const core::JobRef& ref, core::JobKind kind, core::JobOutcome outcome,
                     std::string error = {}) {
        core::JobFigures last;
        last.kind = kind;
        tell(core::JobEnded{ref, outcome, std::move(error), last});
        return *this;
    }
    JobsBench& pass(std::chrono::milliseconds time) {
        clock += time;
        host.tick(at(clock));
        return *this;
    }
    Lines gists() {
        Lines all;
        for (const auto& message : messages()) all.push_back(jobLine(message));
        return all;
    }
    /// The error of the one end that is told.
    std::string error() {
        for (const auto& message : messages())
            if (message.has("data.error")) return message.text("data.error");
        return "none";
    }
};

}  // namespace rollo::tests
