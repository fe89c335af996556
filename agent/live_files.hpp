// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "agent/auth/token_verifier.hpp"
#include "agent/config.hpp"
#include "agent/config_changes.hpp"
#include "agent/config_loader.hpp"
#include "agent/server/services.hpp"
#include "agent/server/tls.hpp"
#include "common/clock.hpp"
#include "common/task_queue.hpp"
#include "common/worker.hpp"

namespace rollo::agent {

/// What was read anew, all of it checked; what is empty goes on as it was.
struct FreshFiles {
    struct Settings {
        Config config;  ///< what the agent goes on with
        server::Settings server;
        std::vector<ConfigChange> changes;  ///< also those that wait for a restart
    };

    std::optional<Settings> settings;
    std::optional<auth::TokenVerifier> verifier;
    std::optional<server::TlsFiles> tls;
    /// With these reloading is over, and none is asked for any more. All the others are empty where
    /// it came to nothing.
    bool endReload = false;
};

/// The files that may change while the agent runs: the configuration, which is read again when that
/// is asked for, and the keys, the deny list and the TLS certificate that it names, which are read
/// again by themselves as well. What is not good changes nothing and is told in the log, once for
/// each change.
/// Thread: main; the files are read on a thread of its own, so that a disk that hangs keeps nobody
/// waiting.
class LiveFiles {
  public:
    /// Hands a task to the owner's thread, as TaskQueue::post does.
    using Post = std::function<void(common::TaskQueue::Task)>;
    /// Called through `post` whenever something was read, and after each reload.
    using Take = std::function<void(FreshFiles)>;

    /// Notes how the files of `running` are; whoever reads them does so after this. Blocks: before
    /// the loop runs. The functions may be called, or dropped, after this object is gone.
    LiveFiles(const Config& running, ConfigSource source, Post post, Take take);
    ~LiveFiles();

    /// Reads everything anew, after what is being read now: all of it is good, or nothing changes.
    void reload();
    /// Lets the thread look at the files. About once a second.
    void tick(const common::Now& now);
    /// The end: false, and the thread given up, if it does not stop reading within the limit.
    bool finish(std::chrono::milliseconds limit);

  private:
    struct Reader;

    std::shared_ptr<Reader> reader_;
    common::Worker worker_;
    bool toldOfDelay_ = false;
};

}  // namespace rollo::agent
