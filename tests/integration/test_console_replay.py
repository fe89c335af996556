# SPDX-License-Identifier: Apache-2.0
"""Where a viewer begins: what is kept, and from where it asks for it; the replay and what follows
join without a seam."""

import pytest

from lab import guests as commands
from lab.console import Console
from lab.numbered import check_flood
from lab.transcript import Gap

SCROLLBACK, BOOT = 65536, 16384
BLOCK = 32768  # what may be kept beyond that


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents(config={"console": {"scrollback_bytes": SCROLLBACK, "boot_bytes": BOOT}})


@pytest.fixture
def printed(guests, agent, watch):
    """A guest that has printed so many bytes and is quiet; and who watched from its first byte."""
    def make(name: str, size: int) -> tuple:
        guest = guests(name, code="flood", log_console=True).define()
        viewer = watch(agent, guest)
        viewer.wait_status("waiting_for_vm")
        guest.start()
        viewer.wait_bytes(size, 60)
        guest.send(commands.IDLE)
        viewer.type("~")
        viewer.wait_output("~")
        return guest, viewer

    return make


def replay_of(viewer: Console) -> tuple[int, int]:
    viewer.wait_replayed()
    attached = viewer.wait_attached()
    return attached["replay_from"], attached["next_offset"]


def test_the_tail_and_from_an_offset(printed, agent, watch):
    guest, first = printed("short", 5000)
    end = first.transcript.offset
    begin = first.transcript.pieces[0][0]
    cases = [({}, begin), ({"tail": 0}, end), ({"tail": 1}, end - 1), ({"tail": 1000}, end - 1000),
             ({"tail": 10**9}, begin), ({"from_": begin + 1234}, begin + 1234),
             ({"from_": end}, end)]
    for query, expected in cases:
        viewer = watch(agent, guest, **query)
        assert replay_of(viewer) == (expected, end), query
        assert viewer.transcript.between(expected, end) == first.transcript.between(expected, end)
        viewer.check_gapless()


def test_from_an_offset_that_is_yet_to_come(printed, agent, watch):
    """It is about another run of the agent: everything is replayed."""
    guest, first = printed("future", 1000)
    viewer = watch(agent, guest, from_=first.transcript.offset + 10**6)
    assert replay_of(viewer) == (first.transcript.pieces[0][0], first.transcript.offset)
    first.type("abc")
    viewer.wait_output("abc")
    viewer.check_gapless()


def test_an_offset_counts_in_its_own_epoch_alone(printed, agent, watch):
    guest, first = printed("epochs", 5000)
    begin, end = first.transcript.pieces[0][0], first.transcript.offset
    epoch = first.messages("connection_status")[0]["data"]["epoch"]
    other = "0" * 16 if epoch != "0" * 16 else "1" * 16
    assert replay_of(watch(agent, guest, from_=end - 10, epoch=epoch)) == (end - 10, end)
    assert replay_of(watch(agent, guest, from_=end - 10, epoch=other)) == (begin, end)


def test_the_first_of_the_boot_and_the_last_are_kept(printed, agent, watch):
    guest, first = printed("long", 3 * SCROLLBACK)
    end = first.transcript.offset
    begin = first.transcript.attachments[0]["start_offset"]
    viewer = watch(agent, guest)
    assert replay_of(viewer) == (begin, end)
    gap, = viewer.transcript.gaps
    assert gap.begin == begin + BOOT and SCROLLBACK <= end - gap.end < SCROLLBACK + BLOCK
    for offset, data in viewer.transcript.pieces:
        assert first.transcript.between(offset, offset + len(data)) == data
    # From within the hole: what is missing of it is told.
    middle = (gap.begin + gap.end) // 2
    within = watch(agent, guest, from_=middle)
    within.wait_replayed()
    assert within.transcript.gaps in ([Gap(middle, gap.end)], [])
    assert within.transcript.gaps or within.wait_attached()["replay_from"] == gap.end
    assert within.output == first.transcript.between(gap.end, end)
    # A tail that reaches across it.
    across = watch(agent, guest, tail=end - begin - 100)
    across.wait_replayed()
    assert across.transcript.gaps == [gap]
    assert across.transcript.pieces[0] == (begin + 100,
                                           first.transcript.between(begin + 100, gap.begin))


def test_a_replay_and_what_follows_join_without_a_seam(guests, agent, watch):
    """While the guest prints at full speed."""
    guest = guests("joined", code="flood").create()
    first = watch(agent, guest)
    first.wait_bytes(20_000)
    viewers = []
    for number in range(20):
        query = [{"tail": 3000}, {"tail": 0}, {"from_": first.transcript.offset - 500},
                 {"tail": 10, "binary": False}][number % 4]
        viewers.append(watch(agent, guest, **query))
        first.wait_offset(first.transcript.offset + 2000)
    for viewer in viewers:
        viewer.wait_bytes(10_000)
    guest.send(commands.IDLE)
    boot = first.transcript.check_flood()
    for viewer in viewers:
        viewer.check_gapless()
        assert check_flood(viewer.transcript.pieces, boot) == boot


def test_the_limits_as_they_come(agents, linux_guests, watch):
    """256 KiB of the boot, 1 MiB of the rest: a fast guest, for time's sake."""
    agent = agents()
    guest = linux_guests("big", virtio_console=True).create()
    guest.wait_booted()
    first = watch(agent, guest, device="console1")
    first.wait_status("connected")
    guest.flood()
    first.wait_bytes(3 << 20, 60)
    guest.run("killall awk")
    viewer = watch(agent, guest, device="console1")
    begin, end = replay_of(viewer)
    gap, = viewer.transcript.gaps
    assert gap.begin == begin + (256 << 10)
    assert (1 << 20) <= end - gap.end < (1 << 20) + BLOCK
    first.wait_offset(end)
    for offset, data in viewer.transcript.pieces:
        assert first.transcript.between(offset, offset + len(data)) == data
