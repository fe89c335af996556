// SPDX-License-Identifier: Apache-2.0
#include "agent/live_files.hpp"

#include <atomic>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "agent/auth_setup.hpp"
#include "agent/file_watch.hpp"
#include "agent/server_setup.hpp"
#include "common/log.hpp"

namespace rollo::agent {
namespace {

namespace log = common::log;

/// After that the log says that something hangs.
constexpr std::chrono::seconds patience{10};

/// Files that are good or bad together.
class FileGroup {
  public:
    explicit FileGroup(const std::vector<std::string>& files) : watch_(stampsOf(files)) {}

    /// Calls `read` if they have changed; where that throws, the log says that this `stays`.
    template <class Read>
    void look(const std::vector<std::string>& files, std::string_view stays, Read read) {
        const auto seen = watch_.look(stampsOf(files));
        // What could not be read may be for a reason that passes, such as too many open files.
        const bool again = seen == FileWatch::Seen::same && trouble_;
        if (seen != FileWatch::Seen::changed && !again) return;
        try {
            read();
            trouble_.reset();
        } catch (const std::exception& error) {
            if (!again || *trouble_ != error.what()) log::error("{}: {}", stays, error.what());
            trouble_ = error.what();
        }
    }

  private:
    FileWatch watch_;
    std::optional<std::string> trouble_;  ///< why what they hold is not in force
};

/// Of the keys that are left out, it says so.
void remarkOn(const auth::TokenVerifier& verifier) {
    for (const std::string& remark : verifier.keys().leftOut()) log::warning("{}", remark);
}

/// A configuration and the files that it names, as they are before they are read.
struct Watched {
    explicit Watched(Config read)
        : config(std::move(read)), auth(authFiles(config.auth)), tls(tlsFiles(config)) {}

    Config config;
    FileGroup auth;
    FileGroup tls;
};

}  // namespace

/// What the thread touches, alone but for `asked`; it may outlive its LiveFiles.
struct LiveFiles::Reader : std::enable_shared_from_this<LiveFiles::Reader> {
    Reader(const Config& config, ConfigSource from, Post poster, Take taker)
        : source(std::move(from)),
          post(std::move(poster)),
          take(std::move(taker)),
          running(config) {}

    const ConfigSource source;
    const Post post;
    const Take take;
    std::atomic<std::uint64_t> asked = 0;  ///< reloads so far; the owner counts them
    std::uint64_t answered = 0;            ///< of these
    Watched running;                       ///< what is in force, or on its way to be

    /// `reload`: the last one that this answers; 0: none.
    void deliver(FreshFiles fresh, std::uint64_t reload = 0) {
        // A task is copyable; what it brings is not.
        const auto shared = std::make_shared<FreshFiles>(std::move(fresh));
        post([self = shared_from_this(), shared, reload] {
            shared->endReload = reload != 0 && reload == self->asked;
            self->take(std::move(*shared));
        });
    }

    void look() {
        const Config& config = running.config;
        running.auth.look(authFiles(config.auth), "keys and deny list stay as they were", [&] {
            FreshFiles fresh;
            fresh.verifier = makeVerifier(config.auth);
            remarkOn(*fresh.verifier);
            log::notice("keys and deny list were read again: {} keys",
                        fresh.verifier->keys().keys().size());
            deliver(std::move(fresh));
        });
        running.tls.look(tlsFiles(config), "the TLS certificate stays as it was", [&] {
            FreshFiles fresh;
            fresh.tls = readTlsFiles(config);
            deliver(std::move(fresh));
        });
    }

    void reload() {
        // Those that came before this moment are one.
        if (answered == asked) return;
        answered = asked;
        FreshFiles fresh;
        try {
            fresh = readAll();
        } catch (const std::exception& error) {
            log::error("the configuration stays as it was: {}", error.what());
        }
        deliver(std::move(fresh), answered);
    }

    /// Throws what is wrong with what the configuration names; where that itself is wrong, it is
    /// told in the log and nothing is returned.
    FreshFiles readAll() {
        auto loaded = loadConfig(source);
        if (!loaded) {
            for (const auto& error : loaded.error()) log::error("{}", error);
            log::error("the configuration stays as it was");
            return {};
        }
        for (const auto& warning : loaded->warnings) log::warning("{}", warning);
        Watched next(reloaded(running.config, loaded->config));
        FreshFiles fresh;
        fresh.verifier = makeVerifier(next.config.auth);
        remarkOn(*fresh.verifier);
        fresh.tls = readTlsFiles(next.config);
        fresh.settings = FreshFiles::Settings{next.config, serverSettings(next.config),
                                              changesBetween(running.config, loaded->config)};
        running = std::move(next);
        return fresh;
    }
};

LiveFiles::LiveFiles(const Config& running, ConfigSource source, Post post, Take take)
    : reader_(
          std::make_shared<Reader>(running, std::move(source), std::move(post), std::move(take))),
      worker_("files") {}

LiveFiles::~LiveFiles() = default;

void LiveFiles::reload() {
    ++reader_->asked;
    worker_.post([reader = reader_] { reader->reload(); });
}

void LiveFiles::tick(const common::Now& now) {
    const bool late = worker_.busyFor(now.mono).value_or(std::chrono::seconds(0)) >= patience;
    if (late && !toldOfDelay_)
        log::warning(
            "the configuration, keys or certificates have been read for {} s: a disk or a file "
            "server hangs; what is in force stays in force",
            patience.count());
    if (!late && toldOfDelay_) log::notice("files can be read again");
    toldOfDelay_ = late;
    if (worker_.idle()) worker_.post([reader = reader_] { reader->look(); });
}

bool LiveFiles::finish(std::chrono::milliseconds limit) {
    return worker_.finish(limit);
}

}  // namespace rollo::agent
