// SPDX-License-Identifier: Apache-2.0
#include "agent/server/gather.hpp"

#include <doctest/doctest.h>

#include <string>

using rollo::proto::Frame;
using rollo::server::Gather;
using rollo::server::SendQueue;

namespace {

SendQueue queueOf(const std::vector<Frame>& frames) {
    SendQueue queue;
    for (const auto& frame : frames) queue.push(frame);
    return queue;
}

std::string wires(const std::vector<Frame>& frames) {
    std::string all;
    for (const auto& frame : frames) all += frame.wire();
    return all;
}

const std::vector<Frame> three = {Frame::text("one"), Frame::text("two"), Frame::text("three")};

}  // namespace

TEST_CASE("frames that wait leave side by side") {
    Gather gather;
    CHECK(gather.take(queueOf(three)) == wires(three));
    CHECK(gather.frames().size() == 3);
}

TEST_CASE("one frame alone leaves without being copied") {
    Gather gather;
    const auto queue = queueOf({three[0]});
    CHECK(gather.take(queue).data() == three[0].wire().data());
    CHECK(gather.take(queue).data() == three[0].wire().data());
}

TEST_CASE("nothing waits: nothing leaves") {
    Gather gather;
    CHECK(gather.take({}).empty());
    gather.take(queueOf(three));
    CHECK(gather.take({}).empty());
    CHECK(gather.frames().empty());
}

TEST_CASE("sockets with the same frames waiting share the bytes") {
    Gather gather;
    const char* first = gather.take(queueOf(three)).data();
    const auto again = gather.take(queueOf(three));
    CHECK(again.data() == first);
    CHECK(again == wires(three));
}

TEST_CASE("other frames are other bytes, even where they say the same") {
    Gather gather;
    gather.take(queueOf(three));
    const std::vector<Frame> two = {three[1], three[0]};
    CHECK(gather.take(queueOf(two)) == wires(two));
    const std::vector<Frame> alike = {Frame::text("two"), Frame::text("one"), Frame::text("!")};
    CHECK(gather.take(queueOf(alike)) == wires(alike));
    CHECK(gather.take(queueOf(three)) == wires(three));
}

TEST_CASE("what leaves at once is bounded") {
    Gather gather;
    const Frame large = Frame::text(std::string(100 * 1024, 'x'));
    CHECK(gather.take(queueOf({large, large, large})).size() == 2 * large.size());
    CHECK(gather.frames().size() == 2);
    const Frame huge = Frame::text(std::string(Gather::most + 1, 'x'));
    CHECK(gather.take(queueOf({huge, large})) == huge.wire());
}

TEST_CASE("what waits beyond the bound does not keep sockets from sharing") {
    Gather gather;
    const Frame large = Frame::text(std::string(100 * 1024, 'x'));
    const char* first = gather.take(queueOf({large, large, large})).data();
    CHECK(gather.take(queueOf({large, large, large, large})).data() == first);
    CHECK(gather.take(queueOf({large})).size() == large.size());
}

TEST_CASE("bytes that were sent are whole frames and a rest") {
    Gather gather;
    gather.take(queueOf(three));
    const auto at = [&](std::size_t bytes) {
        const auto split = gather.split(bytes);
        return std::pair(split.frames, split.rest);
    };
    using Pair = std::pair<std::size_t, std::size_t>;
    CHECK(at(0) == Pair{0, 0});
    CHECK(at(1) == Pair{0, 1});
    CHECK(at(4) == Pair{0, 4});
    CHECK(at(5) == Pair{1, 0});
    CHECK(at(6) == Pair{1, 1});
    CHECK(at(10) == Pair{2, 0});
    CHECK(at(16) == Pair{2, 6});
    CHECK(at(17) == Pair{3, 0});
}

TEST_CASE("messages are counted with their payloads, and control frames are none") {
    Gather gather;
    const auto counted = [&](std::size_t frames) {
        const auto traffic = gather.traffic(frames);
        return std::pair(traffic.messages, traffic.bytes);
    };
    using Pair = std::pair<std::uint64_t, std::uint64_t>;
    gather.take(queueOf({Frame::text("one"), Frame::ping(), Frame::binary("seven"), Frame::text(""),
                         Frame::close(1001, "bye")}));
    CHECK(counted(0) == Pair{0, 0});
    CHECK(counted(1) == Pair{1, 3});
    CHECK(counted(2) == Pair{1, 3});
    CHECK(counted(3) == Pair{2, 8});
    CHECK(counted(5) == Pair{3, 8});
    gather.take(queueOf({Frame::text("1")}));
    CHECK(counted(1) == Pair{1, 1});
    gather.clear();
    CHECK(counted(0) == Pair{0, 0});
}

TEST_CASE("a gather that is cleared keeps no frame, and gathers again") {
    Gather gather;
    gather.take(queueOf(three));
    gather.clear();
    CHECK(gather.frames().empty());
    CHECK(gather.take(queueOf(three)) == wires(three));
}
