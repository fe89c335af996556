// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/observation.hpp"
#include "agent/virt/handle.hpp"
#include "agent/virt/job_question.hpp"
#include "agent/virt/lane_session.hpp"

namespace rollo::virt {

/// The blocking calls of the job watcher. Every function throws LibvirtError.
/// Thread: the lane's worker, unless said otherwise.
class JobSession final : public LaneSession {
  public:
    static constexpr const char* what = "a look at jobs";

    explicit JobSession(Settings settings) : LaneSession(std::move(settings)) {}

    /// The jobs of those domains and of their disks (virDomainGetJobStats,
    /// virDomainGetBlockJobInfo). Nothing: this driver knows no jobs.
    std::optional<core::JobsSeen> look(const JobQuestion& question, AskedGuest& asked);
    /// At all active domains, without their monitors.
    Looks lookAround();
    void close();

  private:
    struct Guest {
        DomainHandle domain;
        /// Targets of those that have a job of their own at times; empty: not read yet.
        std::optional<std::vector<std::string>> disks;
        std::vector<core::JobSeen> diskJobs;  ///< as they were seen last
        /// It was found starting: who asks it waits until it runs.
        bool starting = false;
    };
    enum class Answer { given, none };

    void open();
    void listGuests();
    std::vector<Guest*> whom(const JobQuestion& question);
    void lookUp(const proto::Uuid& uuid);
    static bool remember(Guest& guest, DomainHandle domain);
    Answer ask(Guest& guest, std::vector<core::JobSeen>& jobs);
    Answer askDomain(Guest& guest, std::optional<core::JobFigures>& job);
    Answer askDisks(Guest& guest);
    Answer failed() const;

    std::map<proto::Uuid, Guest> guests_;
    bool supported_ = true;
};

}  // namespace rollo::virt
