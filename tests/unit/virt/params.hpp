// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>
#include <libvirt/libvirt.h>

#include "agent/virt/typed_params.hpp"

namespace rollo::virt {

/// Builds a list as libvirt does, by libvirt's own functions.
class Params {
  public:
    ~Params() { virTypedParamsFree(list_, size_); }
    /// Libvirt's error functions work only after this.
    Params() { REQUIRE(virInitialize() == 0); }
    Params(const Params&) = delete;
    Params& operator=(const Params&) = delete;

    Params& count(const char* name, unsigned long long value) {
        REQUIRE(virTypedParamsAddULLong(&list_, &size_, &capacity_, name, value) == 0);
        return *this;
    }
    Params& number(const char* name, int value) {
        REQUIRE(virTypedParamsAddInt(&list_, &size_, &capacity_, name, value) == 0);
        return *this;
    }
    Params& text(const char* name, const char* value) {
        REQUIRE(virTypedParamsAddString(&list_, &size_, &capacity_, name, value) == 0);
        return *this;
    }
    Params& fraction(const char* name, double value) {
        REQUIRE(virTypedParamsAddDouble(&list_, &size_, &capacity_, name, value) == 0);
        return *this;
    }
    Params& flag(const char* name, bool value) {
        REQUIRE(virTypedParamsAddBoolean(&list_, &size_, &capacity_, name, value) == 0);
        return *this;
    }
    TypedParams list() const { return {list_, static_cast<std::size_t>(size_)}; }

  private:
    virTypedParameterPtr list_ = nullptr;
    int size_ = 0;
    int capacity_ = 0;
};

}  // namespace rollo::virt
