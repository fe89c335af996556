// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "agent/core/hypervisor.hpp"

namespace rollo::tests {

/// A hypervisor that answers nothing by itself: the test sees what was asked, and answers in the
/// order that it wants to show.
class FakeHypervisor final : public core::Hypervisor {
  public:
    void describe(const proto::Uuid& uuid) override { asked_.push_back(uuid); }
    void list() override { ++lists_; }

    /// The domains whose description was asked for since the last call, in order.
    std::vector<proto::Uuid> takeAsked() { return std::exchange(asked_, {}); }
    int lists() const { return lists_; }

  private:
    std::vector<proto::Uuid> asked_;
    int lists_ = 0;
};

}  // namespace rollo::tests
