// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace rollo::agent {

/// Gives the log the form that its reader understands: fields for journald where standard error
/// leads there (`$JOURNAL_STREAM`, systemd.exec(5)), readable lines with a time (UTC) on a
/// terminal, sd-daemon(3) prefixes everywhere else.
void chooseLogSink();

}  // namespace rollo::agent
