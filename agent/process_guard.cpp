// SPDX-License-Identifier: Apache-2.0
#include "agent/process_guard.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "common/log.hpp"

namespace rollo::agent {

namespace {

void set(int option, unsigned long value) {
    if (prctl(option, value, 0UL, 0UL, 0UL) != 0)
        throw std::system_error(errno, std::system_category(), "prctl");
}

}  // namespace

void guardProcess(bool coreDumps) {
    set(PR_SET_NO_NEW_PRIVS, 1);
    // Even where it was started from a process that could not be dumped.
    set(PR_SET_DUMPABLE, coreDumps ? 1 : 0);
    if (geteuid() == 0)
        common::log::warning(
            "runs as root, which it does not need: give it a user of its own (docs/security.md)");
}

}  // namespace rollo::agent
