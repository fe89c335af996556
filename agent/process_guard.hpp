// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the process gives up before it serves anybody.
namespace rollo::agent {

/// Forbids the process, for good, to gain rights by starting another program (PR_SET_NO_NEW_PRIVS),
/// and, unless core dumps are wanted, dumps and being looked into by others of its user
/// (PR_SET_DUMPABLE): keys, tokens and what consoles print are in its memory. Warns where it runs
/// as root. Before any thread is started.
void guardProcess(bool coreDumps);

}  // namespace rollo::agent
