// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/core/console.hpp"
#include "agent/core/conversation.hpp"

namespace rollo::core {

class Consoles;

/// One connection to `/ws/console/{vm}`: reads the scrollback from a place of its own, as fast as
/// its socket takes it, and types, if it may and holds the lease.
/// Thread: main.
class ConsoleViewer final : public Conversation {
  public:
    struct Opening {
        std::string vm;  ///< an id, a UUID or a name, as it stands in the path
        std::optional<std::string> device;
        bool readOnly = false;     ///< `mode=ro`
        bool forceDevice = false;  ///< `force=device`
        bool binary = false;       ///< the subprotocol `rollo.console.v1`
        std::optional<std::uint64_t> tail;
        std::optional<std::uint64_t> from;
        /// The agent's epoch that `from` is about; in another one it means nothing.
        std::optional<std::string> epoch;
        std::string connectionId;
        std::string address;  ///< of the client, for the log and for whoever asks who watches
    };

    ConsoleViewer(Opening opening, Principal principal, Lasting<Terms> terms, const Hub& hub,
                  const HostState& state, Consoles& consoles, Subscriber& subscriber);
    ~ConsoleViewer() override;

    // Conversation
    std::optional<proto::Farewell> refusal() const override;
    bool isOneTooMany() const override;
    void handle(const proto::ClientMessage& message, const common::Now& now) override;
    bool handleBytes(std::string_view bytes, const common::Now& now) override;
    void tick(const common::Now& now) override;
    void drained(const common::Now& now) override { pull(now); }
    std::string room() const override;

    // Console
    const std::string& address() const { return opening_.address; }
    const std::string& connection() const { return connectionId(); }
    bool mayWrite() const;
    /// Queues what there is to read, as far as its window allows.
    void pull(const common::Now& now);
    void tellStatus(const proto::Frame& status);
    /// While held, nothing of what it says is read.
    void hold(bool held) { subscriber().listen(!held); }
    void end(const proto::Farewell& farewell) { subscriber().close(farewell); }
    /// Whether it may still be here, after the VM has changed.
    void recheck();

  private:
    void begin(const common::Now& now) override;
    void rightsChanged(const Principal& before, const common::Now& now) override;

    void on(const proto::ConsoleInput& message, const common::Now& now);
    void on(const proto::ConsoleResize& message, const common::Now& now);
    void on(const proto::ConsoleAcquire& message, const common::Now& now);
    void on(const proto::ConsoleRelease& message, const common::Now& now);
    void on(const proto::ConsoleAck& message, const common::Now& now);
    void on(const proto::ConsoleBreak& message, const common::Now& now);
    void on(const proto::Ping& message, const common::Now& now);
    template <class EventMessage>
    void on(const EventMessage& message, const common::Now& now);

    void start(const common::Now& now);
    Scrollback::Offset startOffset() const;
    void type(std::string_view bytes, std::string_view request, const common::Now& now);
    void tell(proto::ErrorCode code, std::string message, std::string_view request,
              const common::Now& now);
    void tellMark(const Scrollback::Mark& mark, const common::Now& now);
    bool hasRoom();

    Opening opening_;
    Consoles& consoles_;
    std::optional<proto::Uuid> vm_;
    std::string alias_;
    Console* console_ = nullptr;
    std::string epoch_;
    common::Now lastNow_{};
    std::optional<common::Monotonic> startBy_;  ///< until it is started
    bool started_ = false;
    Scrollback::Cursor cursor_;
    /// What the client says it has drawn; nothing: it does not say.
    std::optional<Scrollback::Offset> drawn_;
    bool toldOfSize_ = false;
};

}  // namespace rollo::core
