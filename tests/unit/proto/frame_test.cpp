// SPDX-License-Identifier: Apache-2.0
#include "proto/frame.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using rollo::proto::Frame;

namespace {

std::vector<unsigned> header(const Frame& frame) {
    const auto bytes = frame.wire().substr(0, frame.size() - frame.payload().size());
    std::vector<unsigned> numbers;
    for (const char byte : bytes) numbers.push_back(static_cast<unsigned char>(byte));
    return numbers;
}

Frame ofSize(std::size_t bytes) {
    return Frame::text(std::string(bytes, 'x'));
}

}  // namespace

TEST_CASE("a text frame is final, unmasked, and says its length in as few bytes as may be") {
    using Bytes = std::vector<unsigned>;
    CHECK(header(ofSize(0)) == Bytes{0x81, 0});
    CHECK(header(ofSize(1)) == Bytes{0x81, 1});
    CHECK(header(ofSize(125)) == Bytes{0x81, 125});
    CHECK(header(ofSize(126)) == Bytes{0x81, 126, 0, 126});
    CHECK(header(ofSize(65535)) == Bytes{0x81, 126, 0xff, 0xff});
    CHECK(header(ofSize(65536)) == Bytes{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0});
}

TEST_CASE("the payload stands behind the header, whole") {
    for (const std::size_t size : {0, 1, 125, 126, 127, 65535, 65536, 1 << 20}) {
        std::string payload(size, 'x');
        if (size > 0) payload.front() = 'a', payload.back() = 'z';
        const Frame frame = Frame::text(payload);
        CHECK(frame.payload() == payload);
        CHECK(frame.wire().ends_with(payload));
        CHECK(frame.size() == frame.wire().size());
    }
}

TEST_CASE("a payload may hold any byte") {
    const std::string payload("\0\xff\x81\n", 4);
    CHECK(Frame::text(payload).payload() == payload);
}

TEST_CASE("a ping carries a byte, as a pong without one goes unnoticed") {
    CHECK(header(Frame::ping()) == std::vector<unsigned>{0x89, 1});
    CHECK(Frame::ping().payload().size() == 1);
}

TEST_CASE("copies share one block, which outlives the first of them") {
    Frame copy;
    {
        const Frame first = Frame::text("hello");
        copy = first;
        CHECK(copy == first);
        CHECK(copy.wire().data() == first.wire().data());
    }
    CHECK(copy.payload() == "hello");
}

TEST_CASE("frames with the same bytes are not the same frame") {
    CHECK_FALSE(Frame::text("hello") == Frame::text("hello"));
}

TEST_CASE("a moved frame takes its block along") {
    Frame first = Frame::text("hello");
    const char* bytes = first.wire().data();
    Frame second = std::move(first);
    CHECK(second.wire().data() == bytes);
    CHECK_FALSE(first);  // NOLINT(bugprone-use-after-move)
    CHECK(first.size() == 0);
    first = second;
    CHECK(first == second);
}

TEST_CASE("a frame survives being assigned to itself") {
    Frame frame = Frame::text("hello");
    const Frame& same = frame;
    frame = same;
    CHECK(frame.payload() == "hello");
}

TEST_CASE("no frame is nothing and costs nothing") {
    const Frame none;
    const Frame copy = none;
    CHECK_FALSE(none);
    CHECK(none.size() == 0);
    CHECK(copy == none);
}
