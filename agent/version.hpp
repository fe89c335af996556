// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace rollo::agent {

/// The version that the build was configured with: `0.1.0`.
std::string_view programVersion();

}  // namespace rollo::agent
