// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/typed_params.hpp"

namespace rollo::virt {

namespace {

template <class T>
std::optional<std::uint64_t> unlessNegative(T number) {
    if (number < 0) return std::nullopt;
    return static_cast<std::uint64_t>(number);
}

}  // namespace

std::optional<std::uint64_t> countOf(const virTypedParameter& parameter) {
    switch (parameter.type) {
        case VIR_TYPED_PARAM_INT:
            return unlessNegative(parameter.value.i);
        case VIR_TYPED_PARAM_UINT:
            return parameter.value.ui;
        case VIR_TYPED_PARAM_LLONG:
            return unlessNegative(parameter.value.l);
        case VIR_TYPED_PARAM_ULLONG:
            return parameter.value.ul;
        case VIR_TYPED_PARAM_BOOLEAN:
            return parameter.value.b != 0;
        default:
            return std::nullopt;
    }
}

std::string_view textOf(const virTypedParameter& parameter) {
    if (parameter.type != VIR_TYPED_PARAM_STRING || !parameter.value.s) return {};
    return parameter.value.s;
}

const virTypedParameter* find(TypedParams parameters, std::string_view name) {
    for (const auto& parameter : parameters)
        if (name == parameter.field) return &parameter;
    return nullptr;
}

std::optional<std::uint64_t> count(TypedParams parameters, std::string_view name) {
    const auto* parameter = find(parameters, name);
    return parameter ? countOf(*parameter) : std::nullopt;
}

}  // namespace rollo::virt
