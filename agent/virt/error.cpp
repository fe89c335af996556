// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/error.hpp"

#include <libvirt/virterror.h>

#include <cerrno>

#include "common/log.hpp"

namespace rollo::virt {

namespace {

void logError(void*, virErrorPtr error) noexcept {
    try {
        common::log::debug("libvirt: {}", error && error->message ? error->message : "no message");
    } catch (...) {  // a log line lost is better than an exception through C
    }
}

}  // namespace

bool LibvirtError::isDenied() const {
    return openFailureWord(code_) == "denied" || systemError_ == EACCES || systemError_ == EPERM;
}

bool LibvirtError::domainIsGone() const {
    return code_ == VIR_ERR_NO_DOMAIN || code_ == VIR_ERR_ACCESS_DENIED;
}

void throwLastError(std::string_view call) {
    const virError* last = virGetLastError();
    const int code = last ? last->code : VIR_ERR_INTERNAL_ERROR;
    const char* message = last && last->message ? last->message : "no message";
    // virReportSystemError() leaves the errno in the first integer.
    const int systemError = code == VIR_ERR_SYSTEM_ERROR && last ? last->int1 : 0;
    throw LibvirtError(code, systemError, fmt::format("{}: {}", call, message));
}

std::string openFailureWord(int code) {
    switch (code) {
        case VIR_ERR_AUTH_FAILED:
        case VIR_ERR_AUTH_CANCELLED:
        case VIR_ERR_AUTH_UNAVAILABLE:
        case VIR_ERR_ACCESS_DENIED:
        case VIR_ERR_OPERATION_DENIED:
            return "denied";
        case VIR_ERR_SYSTEM_ERROR:
        case VIR_ERR_NO_CONNECT:
            return "refused";
        default:
            return "error";
    }
}

void silenceErrors() {
    virSetErrorFunc(nullptr, logError);
}

}  // namespace rollo::virt
