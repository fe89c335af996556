// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/config.hpp"

namespace rollo::agent {

/// What one key needs of another, once all have been read: adds a line for each thing that is
/// wrong, and for each that its administrator should know.
void checkTogether(const Config& config, std::vector<std::string>& errors,
                   std::vector<std::string>& warnings);

}  // namespace rollo::agent
