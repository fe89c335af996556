// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "agent/core/hypervisor.hpp"

namespace rollo::tests {

/// A hypervisor that answers nothing by itself: the test sees what was asked, and answers in the
/// order that it wants to show.
class FakeHypervisor final : public core::Hypervisor {
  public:
    void describe(const proto::Uuid& uuid) override { asked_.push_back(uuid); }
    void list() override { ++lists_; }
    void openConsole(core::StreamId stream, const ConsoleTarget& target) override {
        calls_.push_back(
            fmt::format("open {} {}{}", stream, target.alias, target.force ? " by force" : ""));
        stream_ = stream;
    }
    void closeConsole(core::StreamId stream) override {
        calls_.push_back(fmt::format("close {}", stream));
    }
    void sendConsole(core::StreamId stream, std::string bytes) override {
        calls_.push_back(fmt::format("send {} {}", stream, bytes));
    }
    core::ConsoleOutput takeConsoleOutput(core::StreamId) override {
        return std::exchange(output, {});
    }
    void readConsoleLog(core::StreamId stream, std::uint64_t from) override {
        calls_.push_back(fmt::format("log {} from {}", stream, from));
    }

    /// What was asked of consoles since the last call, in order, a line for each.
    std::vector<std::string> takeConsoleCalls() { return std::exchange(calls_, {}); }
    /// The last one that was opened.
    core::StreamId stream() const { return stream_; }
    /// What the next takeConsoleOutput gives.
    core::ConsoleOutput output;

    /// The domains whose description was asked for since the last call, in order.
    std::vector<proto::Uuid> takeAsked() { return std::exchange(asked_, {}); }
    int lists() const { return lists_; }

  private:
    std::vector<proto::Uuid> asked_;
    int lists_ = 0;
    std::vector<std::string> calls_;
    core::StreamId stream_ = 0;
};

}  // namespace rollo::tests
