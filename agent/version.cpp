// SPDX-License-Identifier: Apache-2.0
#include "agent/version.hpp"

namespace rollo::agent {

std::string_view programVersion() {
    return ROLLO_VERSION;
}

}  // namespace rollo::agent
