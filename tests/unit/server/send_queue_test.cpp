// SPDX-License-Identifier: Apache-2.0
#include "agent/server/send_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using rollo::proto::Frame;
using rollo::server::SendQueue;

namespace {

using Texts = std::vector<std::string>;

Frame frame(const std::string& text) {
    return Frame::text(text);
}

/// What waits, in the order in which it would leave.
Texts waiting(const SendQueue& queue, std::size_t maxBytes = 1 << 20) {
    std::vector<Frame> frames;
    queue.peek(frames, maxBytes);
    Texts texts;
    for (const auto& each : frames) texts.emplace_back(each.payload());
    return texts;
}

}  // namespace

TEST_CASE("an empty queue has nothing to send") {
    const SendQueue queue;
    CHECK(queue.empty());
    CHECK(queue.bytes() == 0);
    CHECK(waiting(queue).empty());
}

TEST_CASE("ordered messages leave in their order, and before the others") {
    SendQueue queue;
    queue.pushLatest(1, frame("metrics"));
    queue.push(frame("a"));
    queue.pushUncounted(frame("snapshot"));
    queue.push(frame("b"));
    CHECK(waiting(queue) == Texts{"a", "snapshot", "b", "metrics"});
    queue.drop(2);
    CHECK(waiting(queue) == Texts{"b", "metrics"});
    queue.drop(1);
    CHECK(waiting(queue) == Texts{"metrics"});
    queue.drop(1);
    CHECK(queue.empty());
}

TEST_CASE("what a console prints is counted by itself, and keeps its place") {
    SendQueue queue;
    const Frame first = frame("first");
    const Frame second = frame("the second");
    queue.push(frame("status"));
    queue.pushOutput(first);
    queue.pushOutput(second);
    queue.push(frame("marker"));
    CHECK(waiting(queue) == Texts{"status", "first", "the second", "marker"});
    CHECK(queue.bytes() == frame("status").size() + frame("marker").size());
    CHECK(queue.outputBytes() == first.size() + second.size());
    CHECK_FALSE(queue.hasUncounted());
    CHECK(queue.allBytes() == queue.bytes() + queue.outputBytes());
    queue.drop(2);
    CHECK(queue.bytes() == frame("marker").size());
    CHECK(queue.outputBytes() == second.size());
    queue.drop(2);
    CHECK(queue.bytes() == 0);
    CHECK(queue.outputBytes() == 0);
    queue.pushOutput(first);
    queue.clear();
    CHECK(queue.outputBytes() == 0);
}

TEST_CASE("a queue rests without losing what waits") {
    SendQueue queue;
    queue.push(frame("a"));
    queue.pushLatest(1, frame("metrics"));
    queue.rest();
    CHECK(waiting(queue) == Texts{"a", "metrics"});
    queue.drop(2);
    queue.rest();
    queue.rest();
    queue.push(frame("b"));
    CHECK(waiting(queue) == Texts{"b"});
}

TEST_CASE("what is shown is exactly what peek shows") {
    SendQueue queue;
    const Frame a = frame("a");
    const Frame b = frame("b");
    constexpr std::size_t much = 1000;
    CHECK(queue.shows({}, much));
    queue.push(a);
    queue.pushLatest(1, b);
    CHECK(queue.shows({a, b}, much));
    CHECK_FALSE(queue.shows({}, much));
    CHECK_FALSE(queue.shows({a}, much));
    CHECK_FALSE(queue.shows({b, a}, much));
    CHECK_FALSE(queue.shows({a, b, b}, much));
    CHECK(queue.shows({a}, a.size()));
    CHECK_FALSE(queue.shows({a, b}, a.size()));
}

TEST_CASE("looking does not take") {
    SendQueue queue;
    queue.push(frame("a"));
    CHECK(waiting(queue) == waiting(queue));
    CHECK_FALSE(queue.empty());
}

TEST_CASE("the frame in the queue is the one that everybody shares") {
    SendQueue queue;
    const Frame shared = frame("a");
    queue.push(shared);
    std::vector<Frame> frames;
    queue.peek(frames, 100);
    CHECK(frames.front() == shared);
}

TEST_CASE("what is looked at is bounded by bytes, but at least one message") {
    SendQueue queue;
    for (const auto* text : {"12345678", "abcdefgh", "ABCDEFGH"}) queue.push(frame(text));
    CHECK(waiting(queue, 1).size() == 1);
    CHECK(waiting(queue, 10).size() == 1);
    CHECK(waiting(queue, 19).size() == 1);
    CHECK(waiting(queue, 20).size() == 2);
    CHECK(waiting(queue, 30).size() == 3);
}

TEST_CASE("what is looked at never skips a message that does not fit") {
    SendQueue queue;
    queue.push(frame("1"));
    queue.push(frame(std::string(100, 'x')));
    queue.push(frame("2"));
    queue.pushLatest(1, frame("3"));
    CHECK(waiting(queue, 50) == Texts{"1"});
}

TEST_CASE("bytes count ordered messages with their headers, and nothing else") {
    SendQueue queue;
    queue.push(frame("12345678"));
    CHECK(queue.bytes() == 10);
    queue.pushUncounted(frame(std::string(1000, 'x')));
    queue.pushLatest(1, frame("123"));
    CHECK(queue.bytes() == 10);
    queue.push(frame("12"));
    CHECK(queue.bytes() == 14);
    queue.drop(1);
    CHECK(queue.bytes() == 4);
    queue.drop(1);
    CHECK(queue.bytes() == 4);
    queue.drop(1);
    CHECK(queue.bytes() == 0);
    CHECK_FALSE(queue.empty());
}

TEST_CASE("a client that keeps up gets every sample") {
    SendQueue queue;
    queue.pushLatest(1, frame("a"));
    queue.pushLatest(1, frame("b"));
    CHECK(waiting(queue) == Texts{"a", "b"});
    CHECK(queue.conflated() == 0);
    queue.drop(2);
    queue.pushLatest(1, frame("c"));
    CHECK(waiting(queue) == Texts{"c"});
}

TEST_CASE("once something is left over, only the latest of each entity waits") {
    SendQueue queue;
    queue.pushLatest(1, frame("one, old"));
    queue.pushLatest(2, frame("two, old"));
    queue.leaveOver();
    queue.pushLatest(1, frame("one, new"));
    queue.pushLatest(3, frame("three"));
    queue.pushLatest(1, frame("one, newest"));
    CHECK(waiting(queue) == Texts{"one, newest", "two, old", "three"});
    CHECK(queue.conflated() == 2);
}

TEST_CASE("a part that has left makes the rest left over") {
    SendQueue queue;
    for (const std::uint64_t key : {1, 2, 3}) queue.pushLatest(key, frame("old"));
    queue.drop(1);
    queue.pushLatest(2, frame("new"));
    queue.pushLatest(1, frame("another"));
    CHECK(waiting(queue) == Texts{"new", "old", "another"});
    CHECK(queue.conflated() == 1);
}

TEST_CASE("ordered messages are never conflated") {
    SendQueue queue;
    queue.leaveOver();
    queue.push(frame("a"));
    queue.leaveOver();
    queue.push(frame("a"));
    queue.pushUncounted(frame("a"));
    CHECK(waiting(queue).size() == 3);
}

TEST_CASE("what has left is not what a later one takes the place of") {
    SendQueue queue;
    queue.push(frame("a"));
    queue.pushLatest(1, frame("old"));
    queue.leaveOver();
    queue.pushLatest(2, frame("other"));
    queue.drop(2);
    queue.pushLatest(1, frame("new"));
    CHECK(waiting(queue) == Texts{"other", "new"});
    CHECK(queue.conflated() == 0);
}

TEST_CASE("of two samples from before anything was left over, the later is still replaced") {
    SendQueue queue;
    queue.pushLatest(1, frame("first"));
    queue.pushLatest(2, frame("other"));
    queue.pushLatest(1, frame("second"));
    queue.leaveOver();
    queue.drop(1);
    queue.pushLatest(1, frame("third"));
    CHECK(waiting(queue) == Texts{"other", "third"});
}

TEST_CASE("what is taken back does not leave, and all else keeps its place") {
    SendQueue queue;
    queue.push(frame("a"));
    for (const auto* text : {"first", "second"}) {
        queue.pushLatest(1, frame(text));
        queue.pushLatest(2, frame(text));
    }
    queue.dropLatest(1);
    queue.dropLatest(3);
    CHECK(waiting(queue) == Texts{"a", "first", "second"});
    queue.drop(2);
    CHECK(waiting(queue) == Texts{"second"});
    queue.dropLatest(2);
    CHECK(queue.empty());
    queue.push(frame("b"));
    queue.pushLatest(2, frame("third"));
    CHECK(waiting(queue) == Texts{"b", "third"});
}

TEST_CASE("what is taken back while something is left over leaves the places of the others right") {
    SendQueue queue;
    for (const std::uint64_t key : {1, 2, 3, 4}) queue.pushLatest(key, frame("old"));
    queue.drop(1);
    queue.dropLatest(2);
    queue.pushLatest(4, frame("new"));
    queue.pushLatest(2, frame("another"));
    queue.pushLatest(3, frame("new"));
    CHECK(waiting(queue) == Texts{"new", "new", "another"});
    CHECK(queue.conflated() == 2);
}

TEST_CASE("what has left cannot be taken back") {
    SendQueue queue;
    for (std::uint64_t key = 0; key < 10; ++key) queue.pushLatest(key, frame(std::to_string(key)));
    queue.drop(4);
    queue.dropLatest(3);
    queue.dropLatest(5);
    CHECK(waiting(queue) == Texts{"4", "6", "7", "8", "9"});
}

TEST_CASE("a queue that has drained begins anew") {
    SendQueue queue;
    queue.pushLatest(1, frame("a"));
    queue.leaveOver();
    queue.drop(1);
    CHECK(queue.empty());
    queue.pushLatest(1, frame("b"));
    queue.pushLatest(1, frame("c"));
    CHECK(waiting(queue) == Texts{"b", "c"});
}

TEST_CASE("an empty queue has nothing to leave over") {
    SendQueue queue;
    queue.leaveOver();
    queue.pushLatest(1, frame("a"));
    queue.pushLatest(1, frame("b"));
    CHECK(waiting(queue).size() == 2);
}

TEST_CASE("clearing takes everything, but not the count of what was replaced") {
    SendQueue queue;
    queue.push(frame("a"));
    queue.pushLatest(1, frame("b"));
    queue.leaveOver();
    queue.pushLatest(1, frame("c"));
    queue.clear();
    CHECK(queue.empty());
    CHECK(queue.bytes() == 0);
    CHECK(queue.conflated() == 1);
    queue.push(frame("d"));
    CHECK(waiting(queue) == Texts{"d"});
}

TEST_CASE("a socket that is slow but moves keeps its order, its latest and its count") {
    SendQueue queue;
    std::size_t next = 0;
    Texts sent;
    std::vector<Frame> frames;
    const auto push = [&] {
        queue.push(frame(std::to_string(next)));
        queue.pushLatest(next % 200, frame("m" + std::to_string(next)));
        ++next;
    };
    for (int i = 0; i < 300; ++i) push();
    queue.leaveOver();
    for (int round = 0; round < 1000; ++round) {
        push();
        frames.clear();
        queue.peek(frames, 1);
        REQUIRE(frames.size() == 1);
        sent.emplace_back(frames.front().payload());
        queue.drop(1);
        REQUIRE_FALSE(queue.empty());
    }
    for (std::size_t i = 0; i < sent.size(); ++i) REQUIRE(sent[i] == std::to_string(i));
    std::size_t bytes = 0;
    for (std::size_t i = sent.size(); i < next; ++i) bytes += 2 + std::to_string(i).size();
    CHECK(queue.bytes() == bytes);
    queue.drop(next - sent.size());
    CHECK(queue.bytes() == 0);
    // The last 200 samples are the latest of their entities, in whatever order; 100 duplicates are
    // from before anything was left over.
    const auto latest = waiting(queue);
    CHECK(latest.size() == 300);
    for (std::size_t i = next - 200; i < next; ++i)
        CHECK(std::count(latest.begin(), latest.end(), "m" + std::to_string(i)) == 1);
    CHECK(queue.conflated() == 1000);
}

TEST_CASE("conflation keeps its places while the head of the queue is cut off") {
    SendQueue queue;
    for (std::uint64_t key = 0; key < 500; ++key) queue.pushLatest(key, frame("old"));
    queue.leaveOver();
    queue.drop(400);
    for (std::uint64_t key = 400; key < 500; ++key)
        queue.pushLatest(key, frame(std::to_string(key)));
    const auto texts = waiting(queue);
    REQUIRE(texts.size() == 100);
    for (std::size_t i = 0; i < 100; ++i) CHECK(texts[i] == std::to_string(400 + i));
    CHECK(queue.conflated() == 100);
}
