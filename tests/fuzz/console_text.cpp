// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <vector>

#include "agent/core/consoles.hpp"
#include "common/json_reader.hpp"
#include "tests/fakes/fake_hypervisor.hpp"
#include "tests/fuzz/audience.hpp"

/// What a guest prints, as text: the same however its bytes come and whoever reads when. The input
/// is what it prints, in pieces; between two stands a byte FE, and behind that a letter may say
/// what else happens there: `s` the guest is started anew, `r` it reboots, `d` three bytes are
/// lost.
namespace rollo::fuzz {
namespace {

constexpr char separator = '\xfe';

/// What one viewer has read, up to each mark.
using Read = std::vector<std::string>;

class Reader {
  public:
    Reader(core::Console& console, core::Console::Form form) : console_(console), form_(form) {}

    /// What is there.
    const Read& read() {
        while (true) {
            if (console_.scrollback().takeMark(cursor_)) {
                read_.emplace_back();
                continue;
            }
            const auto output = console_.output(cursor_, form_, present());
            if (!output) return read_;
            demand(output->next > cursor_.offset, "it gets on");
            read_.back() += textIn(output->frame);
            cursor_.offset = output->next;
        }
    }

  private:
    std::string textIn(const proto::Frame& frame) const {
        if (form_ == core::Console::Form::binary) return std::string(frame.payload());
        const auto message = common::readJson(frame.payload(), {.bytes = frame.size()});
        demand(message.has_value(), "output is whole JSON, and UTF-8");
        return *message->find("data")->find("output")->string();
    }

    core::Console& console_;
    core::Console::Form form_;
    core::Scrollback::Cursor cursor_;
    Read read_{{}};
};

/// A console whose guest runs, and whose stream is open.
class Stage {
  public:
    Stage() : consoles(settings(), state_, hypervisor_, {}) {
        state_.server.libvirtConnected = true;
        core::Vm& vm = state_.vms[uuid_];
        vm.info.identity = {1, uuid_, "vm1", true};
        vm.info.status = proto::VmStatus::running;
        vm.consoles = {{"serial0", core::ConsoleDevice::Kind::serial, "pty", {}}};
        open();
    }

    core::Console& console() { return consoles.at(uuid_, "serial0"); }
    void print(std::string_view bytes, std::uint64_t lost = 0) {
        hypervisor_.output = {lost, std::string(bytes)};
        consoles.apply(core::ConsoleReadable{hypervisor_.stream()}, present());
    }
    void reboot() { tell(proto::VmStatus::running, proto::VmStatus::running, "reboot"); }
    void restart() {
        end();
        tell(proto::VmStatus::stopped, proto::VmStatus::running, "booted");
        open();
    }
    /// Nothing more can come.
    void end() {
        tell(proto::VmStatus::running, proto::VmStatus::stopped, "shutdown");
        consoles.apply(core::ConsoleEnded{hypervisor_.stream()}, present());
    }

  private:
    static core::ConsoleSettings settings() {
        core::ConsoleSettings settings;
        settings.enabled = true;
        settings.attachAlways = true;
        return settings;
    }
    void open() {
        console();
        consoles.look(present());
        demand(hypervisor_.stream() != stream_, "the stream is opened");
        stream_ = hypervisor_.stream();
        consoles.apply(core::ConsoleOpened{stream_, {}}, present());
    }
    void tell(proto::VmStatus from, proto::VmStatus to, std::string reason) {
        state_.vms[uuid_].info.status = to;
        proto::VmStatusChanged event;
        event.vm = state_.vms[uuid_].info.identity;
        event.oldStatus = from;
        event.newStatus = to;
        event.reason = std::move(reason);
        consoles.follow(event, present());
    }

    proto::Uuid uuid_;
    core::HostState state_;
    tests::FakeHypervisor hypervisor_;
    core::StreamId stream_ = 0;

  public:
    core::Consoles consoles;
};

void happen(Stage& stage, char what) {
    if (what == 's') stage.restart();
    if (what == 'r') stage.reboot();
    if (what == 'd') stage.print({}, 3);
}

Read asText(Read pieces) {
    for (auto& piece : pieces) piece = common::toUtf8(piece);
    return pieces;
}

}  // namespace
}  // namespace rollo::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rollo;
    using namespace rollo::fuzz;
    using Form = core::Console::Form;
    Stage stage;
    Reader live(stage.console(), Form::text);
    Reader bytes(stage.console(), Form::binary);
    bool first = true;
    for (auto piece : split(textOf(data, size), separator)) {
        if (!first && !piece.empty()) happen(stage, piece.front());
        first = false;
        stage.print(piece);
        live.read();
    }
    stage.end();
    const Read printed = asText(bytes.read());
    Reader late(stage.console(), Form::text);
    demand(live.read() == printed, "who reads at once reads what was printed");
    demand(late.read() == printed, "who reads later reads the same");
    return 0;
}
