// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace rollo::virt {

/// A libvirt call that failed; `code` is a virErrorNumber, `systemError` an errno or 0.
class LibvirtError : public std::runtime_error {
  public:
    LibvirtError(int code, int systemError, const std::string& text)
        : std::runtime_error(text), code_(code), systemError_(systemError) {}

    int code() const { return code_; }
    /// Whoever guards libvirt says no to this user: polkit, libvirt's own rules of access, or the
    /// mode of its socket.
    bool isDenied() const;
    /// The domain is not there, or is hidden from us, which must look the same.
    bool domainIsGone() const;

  private:
    int code_;
    int systemError_;
};

/// Throws what virGetLastError has to say about the call of that name, in the calling thread.
[[noreturn]] void throwLastError(std::string_view call);

/// Returns the result unless it is libvirt's sign of failure: a null pointer or a negative number.
template <class T>
T* check(T* result, std::string_view call) {
    if (!result) throwLastError(call);
    return result;
}
inline int check(int result, std::string_view call) {
    if (result < 0) throwLastError(call);
    return result;
}

/// Why a connection could not be opened, as a word of the protocol: `refused`, `denied`, ….
std::string openFailureWord(int code);

/// Libvirt prints each error on standard error unless told otherwise: to the log, as debug.
void silenceErrors();

}  // namespace rollo::virt
