// SPDX-License-Identifier: Apache-2.0
/// On libvirt's test driver, whose pools have no daemon, and on a directory of this machine.
#include "agent/virt/storage_pools.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <doctest/doctest.h>

#include <algorithm>

#include "agent/virt/handle.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::virt;
using rollo::tests::TemporaryFolder;

namespace {

using PoolHandle = common::UniqueHandle<virStoragePool, virStoragePoolFree>;

/// A daemon with the one pool that the driver begins with, and those that a test adds.
struct Host {
    ConnectHandle connection{virConnectOpen("test:///default")};
    PoolWalk walk{{}};
    int steps = 0;

    PoolHandle define(const std::string& type, const std::string& name, const std::string& path) {
        const std::string xml = "<pool type='" + type + "'><name>" + name +
                                "</name><source><device path='/dev/none'/></source><target><path>" +
                                path + "</path></target></pool>";
        return PoolHandle(virStoragePoolDefineXML(connection.get(), xml.c_str(), 0));
    }
    core::PoolSample read(const std::string& name) {
        const auto pools = readPools(connection.get(), walk, [this] { ++steps; });
        const auto found = std::ranges::find(pools, name, &core::PoolSample::name);
        REQUIRE(found != pools.end());
        return *found;
    }
};

}  // namespace

TEST_CASE("a pool's type and place are read from its XML") {
    const auto place = parsePool(
        "<pool type='netfs'><name>n</name><source><host name='h'/><dir path='/exported'/></source>"
        "<target><path>/mnt/n &amp; m</path></target></pool>");
    CHECK(place.type == "netfs");
    CHECK(place.path == "/mnt/n & m");
    CHECK(parsePool("<pool type='rbd'><name>r</name></pool>").path.empty());
    CHECK(parsePool("<domain type='qemu'/>").type.empty());
    CHECK(parsePool("no XML").type.empty());
}

TEST_CASE("a pool that is no file system of this machine has libvirt's figures") {
    Host host;
    const auto pool = host.read("default-pool");
    CHECK(pool.state == "running");
    CHECK(pool.type == "dir");
    CHECK(pool.capacityBytes.value_or(0) > 0);
    CHECK(pool.allocationBytes);
    CHECK(pool.availableBytes);
    CHECK(pool.autostart);
    CHECK_FALSE(pool.fileSystem);
    CHECK_FALSE(pool.stale);
    CHECK(host.steps >= 4);
}

TEST_CASE("a directory has the figures that its file system has now") {
    Host host;
    const TemporaryFolder folder;
    const auto defined = host.define("dir", "images", folder.path());
    REQUIRE(defined);
    REQUIRE(virStoragePoolCreate(defined.get(), 0) == 0);
    const auto pool = host.read("images");
    struct statvfs figures{};
    struct stat place{};
    REQUIRE(statvfs(folder.path().c_str(), &figures) == 0);
    REQUIRE(stat(folder.path().c_str(), &place) == 0);
    CHECK(pool.capacityBytes == figures.f_blocks * figures.f_frsize);
    CHECK(*pool.allocationBytes + *pool.availableBytes == *pool.capacityBytes);
    CHECK(pool.fileSystem == place.st_dev);
    CHECK_FALSE(host.walk.inside());
}

TEST_CASE("an inactive pool has no figures, wherever it lies") {
    Host host;
    const TemporaryFolder folder;
    const auto defined = host.define("dir", "off", folder.path());
    const auto pool = host.read("off");
    CHECK(pool.state == "inactive");
    CHECK_FALSE(pool.capacityBytes);
    CHECK_FALSE(pool.fileSystem);
}

TEST_CASE("a file system that is avoided is not looked at") {
    Host host;
    const TemporaryFolder folder;
    const auto defined = host.define("dir", "images", folder.path());
    REQUIRE(virStoragePoolCreate(defined.get(), 0) == 0);
    PoolWalk careful({host.read("images").uuid});
    const auto pools = readPools(host.connection.get(), careful, [] {});
    const auto pool = std::ranges::find(pools, "images", &core::PoolSample::name);
    REQUIRE(pool != pools.end());
    CHECK(pool->stale);
    CHECK_FALSE(pool->fileSystem);
    CHECK(pool->capacityBytes);
}
