// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/virt/connection.hpp"
#include "agent/virt/event_thread.hpp"
#include "agent/virt/outlet.hpp"
#include "agent/virt/progress.hpp"

namespace rollo::virt {

/// The connection that has the events, from opening to closing. Shared by the tasks that run on it
/// and its link; once abandoned, by the task that hangs alone, which closes it when it returns.
/// Thread: control, unless said otherwise.
class ControlSession {
  public:
    struct Context {
        Settings settings;
        std::shared_ptr<EventLoop> loop;
        std::shared_ptr<EventSink> sink;  ///< with the session's generation
        /// Any thread; a word for why. Once or several times.
        std::function<void(Generation, const std::string& reason)> onLost;
    };

    explicit ControlSession(Context context) : context_(std::move(context)) {}
    /// Any thread: does not block.
    ~ControlSession() { closeElsewhere(std::move(connection_)); }
    ControlSession(const ControlSession&) = delete;
    ControlSession& operator=(const ControlSession&) = delete;

    /// Open, keepalive, callbacks, and a first listing, so that nothing falls between.
    /// False, and told as lost, if the daemon cannot be reached.
    bool open();
    void list();
    void describe(const proto::Uuid& uuid);
    void close() { connection_.reset(); }

    /// Main: the thread was given up; whatever the session would still do is of no use.
    void abandon() { abandoned_ = true; }
    bool abandoned() const { return abandoned_; }

    /// Main asks this for how long the present call has taken.
    const Progress& progress() const { return progress_; }

  private:
    Generation generation() const { return context_.sink->generation; }
    void establish();
    std::vector<core::DomainDescription> describeAll();
    std::optional<core::DomainDescription> describeOne(virDomainPtr domain);
    /// What is wrong with a domain's metadata: once, until it is something else.
    void logFaults(const core::DomainRef& domain, std::vector<std::string> faults);
    void tell(core::Observation observation);
    void lost(const std::string& reason) { context_.onLost(generation(), reason); }

    Context context_;
    Progress progress_;
    std::atomic<bool> abandoned_ = false;
    std::unique_ptr<Connection> connection_;
    std::unordered_map<proto::Uuid, std::vector<std::string>> faults_;  ///< as last logged
};

}  // namespace rollo::virt
