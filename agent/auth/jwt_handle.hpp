// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <jwt.h>

#include "agent/auth/key_set.hpp"
#include "common/unique_handle.hpp"

namespace rollo::auth {

using JwtHandle = common::UniqueHandle<jwt_t, jwt_free>;

/// libjwt's name of an algorithm.
inline jwt_alg_t jwtAlgorithm(Algorithm algorithm) {
    return jwt_str_alg(word(algorithm).data());
}

inline const unsigned char* keyBytes(const Key& key) {
    return reinterpret_cast<const unsigned char*>(key.material.data());
}
inline int keySize(const Key& key) {
    return static_cast<int>(key.material.size());
}

}  // namespace rollo::auth
