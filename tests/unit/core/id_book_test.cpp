// SPDX-License-Identifier: Apache-2.0
/// PROTOCOL.md, "Ids".
#include "agent/core/id_book.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/examples.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using rollo::proto::Uuid;
using rollo::proto::VmId;

namespace {

constexpr VmId first = 1000001;

IdBook fresh() {
    return IdBook(SavedState{}, first);
}

/// The book after a restart of the agent.
IdBook reopened(const IdBook& book) {
    SavedState saved;
    saved.nextId = book.nextId();
    saved.vms = book.saved();
    return IdBook(saved, first);
}

Uuid numbered(int number) {
    Uuid uuid;
    for (int i = 0; i < 4; ++i)
        uuid.bytes[static_cast<std::size_t>(i)] = static_cast<unsigned char>(number >> (8 * i));
    uuid.bytes[15] = 1;
    return uuid;
}

}  // namespace

TEST_CASE("ids are allotted in order, and stay") {
    IdBook book = fresh();
    CHECK(book.assign(uuid(1), {}).id == first);
    CHECK(book.assign(uuid(2), {}).id == first + 1);
    const auto again = book.assign(uuid(1), {});
    CHECK(again.id == first);
    CHECK_FALSE(again.fromPlatform);
    CHECK_FALSE(again.conflictWith);
    CHECK(book.nextId() == first + 2);
}

TEST_CASE("the id in the metadata is the VM's id") {
    IdBook book = fresh();
    const auto given = book.assign(uuid(1), 42);
    CHECK(given.id == 42);
    CHECK(given.fromPlatform);
    CHECK_FALSE(given.conflictWith);
    CHECK(book.nextId() == first);
}

TEST_CASE("ids outlive the agent, and none is given twice") {
    IdBook book = fresh();
    book.assign(uuid(1), {});
    book.assign(uuid(2), 42);
    book.assign(uuid(3), {});
    book.release(uuid(3));
    IdBook later = reopened(book);
    CHECK(later.assign(uuid(4), {}).id == first + 2);
    CHECK(later.assign(uuid(2), 42).id == 42);
    CHECK(later.assign(uuid(1), {}).id == first);
    CHECK(later.assign(uuid(3), {}).id == first + 1);
}

TEST_CASE("a VM that is gone keeps its id for the day that it comes back") {
    IdBook book = fresh();
    const VmId id = book.assign(uuid(1), {}).id;
    book.release(uuid(1));
    CHECK(book.assign(uuid(2), {}).id != id);
    CHECK(book.assign(uuid(1), {}).id == id);
}

TEST_CASE("a VM that comes and goes ever so often keeps its id") {
    IdBook book = fresh();
    const VmId other = book.assign(uuid(2), {}).id;
    book.release(uuid(2));
    const VmId id = book.assign(uuid(1), {}).id;
    for (int i = 0; i < 20010; ++i) {
        book.release(uuid(1));
        REQUIRE(book.assign(uuid(1), {}).id == id);
    }
    CHECK(book.assign(uuid(2), {}).id == other);
}

TEST_CASE("of too many that are gone the oldest are forgotten, and their ids are not given again") {
    IdBook book = fresh();
    constexpr int many = 10001;
    for (int i = 0; i < many; ++i) book.assign(numbered(i), {});
    for (int i = 0; i < many; ++i) book.release(numbered(i));
    CHECK(book.saved().size() == 10000);
    CHECK(book.assign(numbered(1), {}).id == first + 1);
    CHECK(book.assign(numbered(0), {}).id == first + many);
}

TEST_CASE("allotment begins where it is told to, and never goes back") {
    IdBook book(SavedState{}, 500);
    CHECK(book.assign(uuid(1), {}).id == 500);
    SavedState saved;
    saved.nextId = 700;
    CHECK(IdBook(saved, 500).assign(uuid(1), {}).id == 700);
    CHECK(IdBook(saved, 900).assign(uuid(1), {}).id == 900);
}

TEST_CASE("allotment goes around an id that the platform has taken") {
    IdBook book = fresh();
    CHECK(book.assign(uuid(1), first).id == first);
    CHECK(book.assign(uuid(2), {}).id == first + 1);
}

TEST_CASE("of two that claim one id the first keeps it, and the other is told of") {
    IdBook book = fresh();
    book.assign(uuid(1), 42);
    const auto second = book.assign(uuid(2), 42);
    CHECK(second.id == first);
    CHECK_FALSE(second.fromPlatform);
    CHECK(second.conflictWith == uuid(1));
    const auto still = book.assign(uuid(1), 42);
    CHECK(still.id == 42);
    CHECK_FALSE(still.conflictWith);
}

TEST_CASE("who had an id keeps it after a restart, whoever is asked for first") {
    IdBook book = fresh();
    book.assign(uuid(1), 42);
    book.assign(uuid(2), 42);
    IdBook later = reopened(book);
    CHECK(later.had(uuid(1), 42));
    CHECK_FALSE(later.had(uuid(2), 42));
    CHECK_FALSE(later.had(uuid(1), 43));
    CHECK(later.assign(uuid(1), 42).id == 42);
    const auto second = later.assign(uuid(2), 42);
    CHECK(second.id == first);
    CHECK(second.conflictWith == uuid(1));
}

TEST_CASE("a conflict ends when the first gives the id up") {
    IdBook book = fresh();
    book.assign(uuid(1), 42);
    book.assign(uuid(2), 42);
    SUBCASE("because it is gone") {
        book.release(uuid(1));
    }
    SUBCASE("because its metadata names another") {
        book.assign(uuid(1), 43);
    }
    SUBCASE("because its metadata names none") {
        book.assign(uuid(1), {});
    }
    const auto second = book.assign(uuid(2), 42);
    CHECK(second.id == 42);
    CHECK(second.fromPlatform);
    CHECK_FALSE(second.conflictWith);
}

TEST_CASE("an id that was allotted is nobody else's, even when its VM is gone") {
    IdBook book = fresh();
    const VmId id = book.assign(uuid(1), {}).id;
    book.release(uuid(1));
    const auto claimed = book.assign(uuid(2), id);
    CHECK(claimed.id != id);
    CHECK(claimed.conflictWith == uuid(1));
}

TEST_CASE("an allotted id stays a VM's own while the platform's is in use") {
    IdBook book = fresh();
    const VmId allotted = book.assign(uuid(1), {}).id;
    CHECK(book.assign(uuid(1), 42).id == 42);
    CHECK(book.assign(uuid(2), allotted).conflictWith == uuid(1));
    book.release(uuid(1));
    CHECK(book.assign(uuid(3), allotted).conflictWith == uuid(1));
    CHECK(book.assign(uuid(1), 42).id == 42);
    CHECK(book.assign(uuid(1), {}).id == allotted);
}

TEST_CASE("an id that the platform took away is free for its next claim") {
    IdBook book = fresh();
    book.assign(uuid(1), 42);
    book.assign(uuid(1), 43);
    CHECK(book.assign(uuid(2), 42).id == 42);
}

TEST_CASE("who took over the id of one that is gone keeps it when that one comes back") {
    IdBook book = fresh();
    book.assign(uuid(1), 42);
    book.release(uuid(1));
    CHECK(book.assign(uuid(2), 42).id == 42);
    SUBCASE("at once") {}
    SUBCASE("after a restart") {
        book = reopened(book);
    }
    CHECK(book.had(uuid(2), 42));
    book.assign(uuid(2), 42);
    const auto back = book.assign(uuid(1), 42);
    CHECK(back.conflictWith == uuid(2));
    CHECK(back.id == first);
}

TEST_CASE("what is saved names each id once") {
    IdBook book = fresh();
    book.assign(uuid(1), 42);
    book.assign(uuid(3), {});
    book.release(uuid(1));
    book.assign(uuid(2), 42);
    const auto saved = book.saved();
    REQUIRE(saved.size() == 2);
    CHECK(saved[0].uuid == uuid(2));
    CHECK(saved[0].fromPlatform);
    CHECK(saved[1].uuid == uuid(3));
    CHECK_FALSE(saved[1].fromPlatform);
}

TEST_CASE("a state file that contradicts itself is taken as far as it goes") {
    SavedState saved;
    saved.vms = {
        {.uuid = uuid(1), .id = 5}, {.uuid = uuid(2), .id = 5}, {.uuid = uuid(1), .id = 6}};
    IdBook book(saved, 5);
    CHECK(book.assign(uuid(1), {}).id == 5);
    CHECK(book.assign(uuid(2), {}).id == 6);
}

TEST_CASE("releasing what is not there does nothing") {
    IdBook book = fresh();
    book.release(uuid(1));
    book.assign(uuid(1), {});
    book.release(uuid(1));
    book.release(uuid(1));
    CHECK(book.assign(uuid(1), {}).id == first);
}
