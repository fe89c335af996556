// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/core/saved_state.hpp"

namespace rollo::store::tests {

inline proto::Uuid uuid(unsigned char last) {
    proto::Uuid result;
    result.bytes.fill(0xa5);
    result.bytes.back() = last;
    return result;
}

/// A server with a VM of the platform and two of the agent's own ids, and an operation of libvirt's
/// and one of another program.
inline core::SavedState exampleState() {
    return {.serverUuid = uuid(0),
            .nextId = 1000007,
            .hostBootId = "5f2f6f6a-9d0b-4c5e-8a53-0d9c8e1d3f10",
            .vms = {{uuid(1), 17, true, "web", 3, "boot-1", 123456789012},
                    {uuid(2), 1000001, false, "db \"é\"\n\\", -1, "", 0},
                    {uuid(3), 1000005, false, "", 2147483647, "boot-3", 9223372036854775807U}},
            .operations = {
                {"libvirt:0123456789abcdef:1", "save", 57, "", uuid(1), "", 1767225600, 118000000},
                {"creation-7", "vm_creation", 12.5, "unpacking \"web\"", std::nullopt, "", 0,
                 std::nullopt}}};
}

}  // namespace rollo::store::tests
