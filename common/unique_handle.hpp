// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace rollo::common {

template <auto release>
struct Release {
    template <class T>
    void operator()(T* handle) const noexcept {
        release(handle);
    }
};

/// Owns a handle of a C library and gives it back by the library's own function.
/// The aliases stand beside the library that they wrap, so that no destructor is written by hand.
template <class T, auto release>
using UniqueHandle = std::unique_ptr<T, Release<release>>;

}  // namespace rollo::common
