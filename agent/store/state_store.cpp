// SPDX-License-Identifier: Apache-2.0
#include "agent/store/state_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace rollo::store {

namespace {

void makeFolder(const std::string& folder) {
    namespace fs = std::filesystem;
    std::error_code error;
    fs::create_directories(fs::path(folder).parent_path(), error);
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw std::runtime_error(
            fmt::format("{}: cannot be made: {}", folder, std::system_category().message(errno)));
}

common::UniqueFd lockFolder(const std::string& folder) {
    common::UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd)
        throw std::runtime_error(
            fmt::format("{}: {}", folder, std::system_category().message(errno)));
    // Other errors: a file system without locks.
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        throw std::runtime_error(fmt::format("{}: in use by another rollo-agent", folder));
    return fd;
}

}  // namespace

/// What the writing thread touches; it may outlive the store.
struct StateStore::Shared {
    const std::string path;
    const Post post;
    const Saved saved;
    /// The newest state that is not written yet. A slot without a lock: whoever takes the pointer
    /// out owns it.
    std::atomic<core::SavedState*> waiting = nullptr;

    Shared(std::string filePath, Post poster, Saved callback)
        : path(std::move(filePath)), post(std::move(poster)), saved(std::move(callback)) {}
    ~Shared() { delete waiting.load(); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;

    void put(std::unique_ptr<core::SavedState> state) {
        const std::unique_ptr<core::SavedState> replaced(waiting.exchange(state.release()));
    }
    void putBack(std::unique_ptr<core::SavedState> state) {
        core::SavedState* none = nullptr;
        if (waiting.compare_exchange_strong(none, state.get())) state.release();
    }
    std::unique_ptr<core::SavedState> take() {
        return std::unique_ptr<core::SavedState>(waiting.exchange(nullptr));
    }

    void write() {
        auto state = take();
        if (!state) return;
        const proto::VmId nextId = state->nextId;
        auto error = saveState(path, *state);
        if (error) putBack(std::move(state));
        post([callback = saved, error = std::move(error), nextId] { callback(error, nextId); });
    }
};

StateStore::StateStore(const std::string& folder, Post post, Saved saved)
    : lock_((makeFolder(folder), lockFolder(folder))),
      shared_(std::make_shared<Shared>(folder + "/vms.state", std::move(post), std::move(saved))),
      worker_("store") {}

StateStore::~StateStore() = default;

LoadReport StateStore::load(const common::Now& now) {
    return loadState(shared_->path, now);
}

void StateStore::save(core::SavedState state) {
    shared_->put(std::make_unique<core::SavedState>(std::move(state)));
    requestWrite();
}

bool StateStore::finish(std::chrono::milliseconds limit) {
    requestWrite();
    return worker_.finish(limit);
}

void StateStore::requestWrite() {
    worker_.post([shared = shared_] { shared->write(); });
}

}  // namespace rollo::store
