// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "common/clock.hpp"
#include "proto/ids.hpp"

namespace rollo::virt {

/// Whose jobs are looked at.
struct JobQuestion {
    common::Monotonic at{};
    bool everybody = false;         ///< all active domains; otherwise those of `only`
    std::vector<proto::Uuid> only;  ///< may be gone by now
    /// Something happened to these: what was remembered of them is out of date.
    std::vector<proto::Uuid> changed;
    /// Not to be asked: they are silent.
    std::vector<proto::Uuid> leftOut;
};

/// Who is being asked at this moment, so that it is known whose call hangs. Any thread.
class AskedGuest {
  public:
    void set(std::optional<proto::Uuid> guest) {
        const std::lock_guard lock(mutex_);
        guest_ = guest;
    }
    std::optional<proto::Uuid> get() const {
        const std::lock_guard lock(mutex_);
        return guest_;
    }

  private:
    mutable std::mutex mutex_;
    std::optional<proto::Uuid> guest_;
};

}  // namespace rollo::virt
