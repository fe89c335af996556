// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/events.hpp"
#include "proto/messages.hpp"

namespace rollo::core {

/// What filters and permissions look at in an event.
struct Topic {
    proto::EventKind kind;
    const proto::VmIdentity* vm = nullptr;  ///< tied to this VM
    bool server = false;                    ///< tied to the server itself
};

Topic topicOf(const proto::Event& event);
Topic topicOf(const proto::Alert& alert);
Topic topicOf(const proto::Progress& progress);

/// A set of event kinds.
class Kinds {
  public:
    static Kinds all() { return Kinds((1u << proto::eventKinds) - 1); }
    Kinds() = default;

    void add(proto::EventKind kind) { bits_ |= bit(kind); }
    bool has(proto::EventKind kind) const { return (bits_ & bit(kind)) != 0; }
    bool contains(Kinds other) const { return (other.bits_ & ~bits_) == 0; }
    bool empty() const { return bits_ == 0; }
    void add(Kinds other) { bits_ |= other.bits_; }
    Kinds without(Kinds other) const { return Kinds(bits_ & ~other.bits_); }
    Kinds both(Kinds other) const { return Kinds(bits_ & other.bits_); }
    /// With the kinds that come along: `vm_status_changed` brings created, updated and deleted,
    /// `server_status_changed` registered and removed (original).
    Kinds withCompanions() const;
    std::vector<std::string> wireNames() const;
    bool operator==(const Kinds&) const = default;

  private:
    explicit Kinds(std::uint32_t bits) : bits_(bits) {}
    static std::uint32_t bit(proto::EventKind kind) {
        return 1u << static_cast<std::uint32_t>(kind);
    }
    std::uint32_t bits_ = 0;
};

/// One line of a subscription: these events × these ids, wanted or not.
struct Rule {
    std::string id;  ///< the client's name for it; may be empty
    bool include = true;
    std::optional<Kinds> kinds;                             ///< as asked; nothing: all
    std::optional<std::vector<proto::VmId>> vmIds;          ///< sorted; nothing: not given
    std::optional<std::vector<proto::ServerId>> serverIds;  ///< sorted; nothing: not given
    /// Set where an endpoint is bound to a VM whatever its id becomes; stands for `vmIds`.
    std::optional<proto::Uuid> boundTo;
    /// Set where an endpoint is that of this server, whose id need not be known yet; stands for
    /// `serverIds`.
    bool ownServer = false;

    Kinds effectiveKinds() const { return kinds ? kinds->withCompanions() : Kinds::all(); }
    bool covers(const Rule& other) const;
    bool operator==(const Rule&) const = default;
};

/// An ordered list of rules, of which the last that matches an event decides. Copies share the
/// rules until one of them changes: a client, what it has been told, and its room mostly agree.
class Subscription {
  public:
    /// Adds the rule and removes those that it makes superfluous. A rule with the same non-empty
    /// id is replaced.
    void add(Rule rule);
    /// False if there is no rule with that id.
    bool remove(const std::string& id);

    bool wants(const Topic& topic, std::optional<proto::ServerId> self) const;
    /// True if any kind of event of that VM would be wanted.
    bool covers(const proto::VmIdentity& vm, std::optional<proto::ServerId> self) const {
        return !kindsOf(vm, self).empty();
    }
    /// Which of the events that a VM alone can have would be wanted.
    Kinds kindsOf(const proto::VmIdentity& vm, std::optional<proto::ServerId> self) const;

    const std::vector<Rule>& rules() const;
    bool operator==(const Subscription& other) const { return rules() == other.rules(); }

  private:
    void become(std::vector<Rule> rules);

    std::shared_ptr<const std::vector<Rule>> rules_;  ///< null: none
};

}  // namespace rollo::core
