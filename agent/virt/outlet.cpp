// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/outlet.hpp"

#include <algorithm>
#include <utility>

namespace rollo::virt {

void Outlet::opened(Generation generation, core::HostDescription host) {
    if (generation <= ended_) return;
    open_ = generation;
    toldLost_ = false;
    report(core::ConnectionOpened{std::move(host)});
}

void Outlet::lost(Generation generation, const std::string& reason) {
    ended_ = std::max(ended_, generation);
    if (open_ != 0 && open_ > generation) return;
    open_ = 0;
    if (!std::exchange(toldLost_, true)) report(core::ConnectionLost{reason});
}

void Outlet::tell(Generation generation, core::Observation observation) {
    if (generation == open_) report(std::move(observation));
}

void Outlet::sampled(Generation generation, core::SampleTaken sample) {
    if (generation == sampler_ && open_ != 0) report(std::move(sample));
}

}  // namespace rollo::virt
