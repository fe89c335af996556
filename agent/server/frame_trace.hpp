// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "proto/frame.hpp"

namespace rollo::server {

/// A message in the log's words: its type, its size, its number where it has one. Nothing of what
/// it says.
std::string describe(const proto::Frame& frame);

}  // namespace rollo::server
