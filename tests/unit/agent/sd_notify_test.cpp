// SPDX-License-Identifier: Apache-2.0
#include "agent/sd_notify.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "common/clock.hpp"
#include "common/unique_fd.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::agent;
using namespace std::chrono_literals;

namespace {

/// A service manager's end of the socket.
class Manager {
  public:
    Manager() : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        const std::string path = folder_ / "notify";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        REQUIRE(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }
    ~Manager() { unsetenv("NOTIFY_SOCKET"); }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    std::string next() {
        std::array<char, 1024> text;
        const ssize_t size = recv(socket_.get(), text.data(), text.size(), MSG_DONTWAIT);
        return size < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(size));
    }

  private:
    tests::TemporaryFolder folder_;
    common::UniqueFd socket_;
};

}  // namespace

TEST_CASE("the service manager hears each state") {
    Manager manager;
    notify::ready();
    CHECK(manager.next() == "READY=1");
    notify::stopping();
    CHECK(manager.next() == "STOPPING=1");
    notify::watchdog();
    CHECK(manager.next() == "WATCHDOG=1");
    notify::status("3 VMs\nREADY=1");
    CHECK(manager.next() == "STATUS=3 VMs");
    CHECK(manager.next() == "nothing");
}

TEST_CASE("a reload carries the monotonic time in microseconds") {
    Manager manager;
    const auto micros = [] {
        return std::chrono::floor<std::chrono::microseconds>(
                   common::readClocks().mono.time_since_epoch())
            .count();
    };
    const auto before = micros();
    notify::reloading();
    const std::string text = manager.next();
    const std::string prefix = "RELOADING=1\nMONOTONIC_USEC=";
    REQUIRE(text.starts_with(prefix));
    const auto told = std::stoll(text.substr(prefix.size()));
    CHECK(told >= before);
    CHECK(told <= micros());
}

TEST_CASE("without a service manager nothing happens") {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    notify::ready();
    CHECK_FALSE(notify::watchdogInterval());
}

TEST_CASE("the watchdog is due at half its time") {
    setenv("WATCHDOG_USEC", "3000000", 1);
    CHECK(notify::watchdogInterval() == 1500ms);
    unsetenv("WATCHDOG_USEC");
}
