// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace rollo::agent {

/// A configuration file that says what is the default anyway, with every key explained.
std::string defaultConfigText();

}  // namespace rollo::agent
