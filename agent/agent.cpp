// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <utility>

#include "agent/auth_setup.hpp"
#include "agent/console_journal.hpp"
#include "agent/console_setup.hpp"
#include "agent/core/consoles.hpp"
#include "agent/core/host.hpp"
#include "agent/core/hub.hpp"
#include "agent/core/publications.hpp"
#include "agent/event_delay.hpp"
#include "agent/host_facts.hpp"
#include "agent/live_files.hpp"
#include "agent/metrics_page.hpp"
#include "agent/process_guard.hpp"
#include "agent/process_meter.hpp"
#include "agent/program_stats.hpp"
#include "agent/sd_notify.hpp"
#include "agent/server/loop.hpp"
#include "agent/server/server.hpp"
#include "agent/server_setup.hpp"
#include "agent/state_keeper.hpp"
#include "agent/version.hpp"
#include "agent/virt/libvirt_hypervisor.hpp"
#include "common/log.hpp"
#include "common/random.hpp"
#include "common/task_queue.hpp"
#include "proto/frame.hpp"

namespace rollo::agent {
namespace {

namespace log = common::log;
using std::chrono::milliseconds;

constexpr milliseconds shortTick{250};
constexpr milliseconds longTick{1000};
/// Between two looks at the host's own address.
constexpr milliseconds addressTick{30000};
/// From SIGTERM on: how long clients may take to hear goodbye, and all the rest together.
constexpr milliseconds goodbyes{1200};
constexpr milliseconds everything{2500};
/// Within it, for files that are being read for nobody any more.
constexpr milliseconds interruption{100};

virt::Settings virtSettings(const Config& config) {
    virt::Settings settings;
    settings.uri = config.libvirt.uri;
    settings.sampleInterval = config.metrics.interval;
    settings.balloonPeriodSeconds = static_cast<int>(config.metrics.balloonPeriod.count());
    settings.diskPath = config.metrics.diskPath;
    settings.keepAliveIntervalSeconds = static_cast<int>(config.libvirt.keepAliveInterval.count());
    settings.keepAliveCount = static_cast<unsigned>(config.libvirt.keepAliveCount);
    settings.maxStuckCalls = static_cast<std::size_t>(config.libvirt.maxStuckCalls);
    return settings;
}

core::Host::Settings hostSettings(const Config& config) {
    core::Host::Settings settings;
    settings.serverId = config.agent.serverId;
    settings.firstAllottedId = config.agent.firstAllottedId;
    settings.hostname = hostname();
    settings.ipAddress = primaryAddress();
    settings.agentVersion = programVersion();
    settings.libvirtUri = config.libvirt.uri;
    settings.hostBootId = hostBootId();
    settings.sampleInterval = config.metrics.interval;
    settings.machineUuid = machineUuid();
    settings.alerts = config.alerts;
    settings.newBootId = [] { return common::randomHex(16); };
    return settings;
}

/// What exists, in the order in which one part needs the other.
class Agent {
  public:
    Agent(const Config& config, const ConfigSource& source)
        : config_(config),
          files_(
              config, source, [tasks = tasks_](auto task) { tasks->post(std::move(task)); },
              [this](FreshFiles fresh) { use(std::move(fresh)); }),
          keeper_(config.agent.stateDir, tasks_),
          hub_(common::randomHex(8)),
          hypervisor_(
              virtSettings(config),
              [this, tasks = tasks_](core::Observation observation) {
                  tasks->post(
                      [this, seen = common::readClocks().mono,
                       moved = std::move(observation)]() mutable { take(std::move(moved), seen); });
              },
              [this, tasks = tasks_](core::ConsoleObservation observation) {
                  tasks->post([this, moved = std::move(observation)] {
                      consoles_.apply(moved, common::readClocks());
                  });
              }),
          host_(hostSettings(config), keeper_.load(common::readClocks()), hub_, hypervisor_),
          consoles_(consoleSettings(config.console), host_.state(), hypervisor_, logConsoleDeed),
          server_(serverSettings(config), loop_, hub_, host_.state(), consoles_,
                  makeVerifier(config.auth), readTlsFiles(config)) {}

    int run() {
        hypervisor_.setWake([this, tasks = tasks_] {
            tasks->post([this] { hypervisor_.tick(common::readClocks().mono); });
        });
        tasks_->setWake([this] { loop_.wake(); });
        loop_.onWake([this] { takeTasks(); });
        loop_.onTurnEnd([this] { return endTurn(); });
        loop_.onAlarm([this] { consoles_.look(common::readClocks()); });
        hub_.onOrdered([this](const proto::Event& event, const common::Now& now) {
            consoles_.follow(event, now);
        });
        loop_.every(shortTick, [this] { hypervisor_.tick(common::readClocks().mono); });
        loop_.every(longTick, [this] { tick(); });
        loop_.every(addressTick,
                    [this] { host_.setAddress(primaryAddress(), common::readClocks()); });
        for (const int signal : {SIGTERM, SIGINT}) loop_.onSignal(signal, [this] { beginStop(); });
        loop_.onSignal(SIGHUP, [this] { reload(); });
        server_.onMetrics([this] {
            return metricsPage({hub_, server_, loop_.lag(), delay_, hypervisor_, consoles_,
                                process_, keeper_.works()},
                               host_.state(), common::readClocks().mono);
        });
        server_.onStats([this](proto::WebsocketStats& stats, const common::Now& now) {
            addProgramStats(stats, hypervisor_, host_.state(), loop_.lag(), process_, now.mono);
        });
        server_.publishBy(publications_);
        server_.listen();
        hypervisor_.start();
        notify::ready();
        log::info("rollo-agent {} runs on {}", programVersion(), config_.libvirt.uri);
        loop_.run();
        return end();
    }

  private:
    void takeTasks() {
        tasks_->drain();
        keepState(common::readClocks());
    }

    void take(core::Observation observation, common::Monotonic seen) {
        if (std::holds_alternative<core::LifecycleSeen>(observation)) delay_.told(seen);
        host_.apply(std::move(observation), common::readClocks());
    }

    /// Whether there is more to send.
    bool endTurn() {
        const bool more = server_.flush();
        const common::Now now = common::readClocks();
        if (!more) delay_.sent(now.mono);
        if (const auto due = consoles_.due(now))
            loop_.setAlarm(
                std::max(std::chrono::ceil<milliseconds>(*due - now.mono), milliseconds(1)));
        return more;
    }

    void keepState(const common::Now& now) {
        keeper_.keep(host_, now);
        server_.hold(keeper_.idsOnTheirWay(now));
    }

    void tick() {
        const common::Now now = common::readClocks();
        notify::watchdog();
        files_.tick(now);
        host_.tick(now);
        host_.noteQueues(proto::Frame::bytesAlive(),
                         static_cast<std::size_t>(config_.server.totalQueueBytes), now);
        consoles_.tick(now);
        server_.tick(now);
        keepState(now);
        if (stopAt_ && (server_.connections() == 0 || now.mono >= *stopAt_ + goodbyes))
            loop_.stop();
    }

    void beginStop() {
        if (stopAt_) return;
        const common::Now now = common::readClocks();
        log::notice("stopping");
        notify::stopping();
        stopAt_ = now.mono;
        host_.enterMaintenance(now);
        server_.stop();
        loop_.every(milliseconds(20), [this] { tick(); });
    }

    milliseconds left() const {
        const auto passed = common::readClocks().mono - *stopAt_;
        return std::max(milliseconds(1),
                        everything - std::chrono::duration_cast<milliseconds>(passed));
    }

    int end() {
        const bool saved = keeper_.finish(host_, left() / 2);
        const bool ended = hypervisor_.stop(left());
        const bool read = files_.finish(std::min(left(), interruption));
        tasks_->close();
        log::info("the longest turn of the main loop took {} ms",
                  std::chrono::duration_cast<milliseconds>(loop_.lag().longestEver()).count());
        if (!saved) log::error("the state was not saved in time");
        if (saved && ended && read) return EXIT_SUCCESS;
        // A thread hangs in a call that nothing can end; what it holds goes with the process.
        log::warning("some calls did not return in time; the process ends without them");
        std::_Exit(EXIT_SUCCESS);
    }

    void reload() {
        notify::reloading();
        files_.reload();
    }

    void use(FreshFiles fresh) {
        if (fresh.settings) apply(*fresh.settings);
        if (fresh.verifier) server_.use(std::move(*fresh.verifier));
        if (fresh.tls) server_.use(std::move(*fresh.tls));
        server_.endRevoked();
        if (fresh.endReload) notify::ready();
    }

    void apply(const FreshFiles::Settings& fresh) {
        const common::Now now = common::readClocks();
        config_ = fresh.config;
        server_.reconfigure(fresh.server);
        consoles_.reconfigure(consoleSettings(config_.console), now);
        hypervisor_.setSampleInterval(config_.metrics.interval);
        host_.setAlertPolicy(config_.alerts, now);
        host_.setSampleInterval(config_.metrics.interval);
        log::setLevel(config_.agent.logLevel);
        for (const auto& change : fresh.changes)
            log::notice("{}: {} -> {}{}", change.name, change.before, change.after,
                        change.needsRestart ? " (needs a restart: not in force yet)" : "");
        log::notice("the configuration was read again");
    }

    Config config_;
    /// Shared with threads that may outlive everything else here.
    std::shared_ptr<common::TaskQueue> tasks_ = std::make_shared<common::TaskQueue>();
    server::Loop loop_;
    EventDelay delay_;
    ProcessMeter process_{common::readClocks()};
    LiveFiles files_;
    StateKeeper keeper_;
    core::Hub hub_;
    virt::LibvirtHypervisor hypervisor_;
    core::Host host_;
    core::Consoles consoles_;
    core::Publications publications_{host_.state(), host_.operations(), host_.alerts()};
    server::Server server_;
    std::optional<common::Monotonic> stopAt_;
};

}  // namespace

int runAgent(const Config& config, const ConfigSource& source) {
    guardProcess(config.agent.coreDumps);
    return Agent(config, source).run();
}

}  // namespace rollo::agent
