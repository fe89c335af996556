// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <map>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "agent/config_table.hpp"

namespace rollo::agent {

using Environment = std::map<std::string, std::string>;

/// The variables that begin with `ROLLO_`; `environ` as environ(7) has it.
Environment rolloVariables(const char* const* environ);

/// Sets what the variables `ROLLO_SECTION_KEY` say: integers in digits, flags as true or false,
/// lists with commas; tables stand in files alone. Adds one line to `errors` for each that is
/// wrong, and one to `warnings` for each that names no key, since other programs may have variables
/// of that kind too.
void applyEnvironment(const Environment& environment, Config& config,
                      std::vector<std::string>& errors, std::vector<std::string>& warnings);

}  // namespace rollo::agent
