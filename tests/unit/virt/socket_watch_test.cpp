// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/socket_watch.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "unit/temporary_folder.hpp"

using namespace rollo::virt;
using rollo::tests::TemporaryFolder;

TEST_CASE("a socket that appears or is replaced is noticed once") {
    const TemporaryFolder folder;
    const std::string path = folder / "sock";
    SocketWatch watch("qemu+unix:///session?no_verify=1&socket=" + path);
    CHECK_FALSE(watch.changed());
    folder.write("sock", "");
    CHECK(watch.changed());
    CHECK_FALSE(watch.changed());
    folder.write("other", "");
    std::filesystem::rename(folder / "other", path);
    CHECK(watch.changed());
    CHECK_FALSE(watch.changed());
}

TEST_CASE("a socket that goes away is no reason to connect") {
    const TemporaryFolder folder;
    const std::string path = folder.write("sock", "");
    SocketWatch watch("qemu:///system?socket=" + path);
    std::filesystem::remove(path);
    CHECK_FALSE(watch.changed());
}

TEST_CASE("the sockets of both kinds of daemon are known") {
    const SocketWatch system("qemu:///system");
    CHECK(system.paths() == std::vector<std::string>{
                                "/run/libvirt/libvirt-sock", "/run/libvirt/libvirt-sock-ro",
                                "/run/libvirt/virtqemud-sock", "/run/libvirt/virtqemud-sock-ro"});
    CHECK(SocketWatch("test:///default").paths().empty());
    CHECK(SocketWatch("qemu:///embed?root=/x").paths().empty());
    CHECK(SocketWatch("").paths().empty());
}
