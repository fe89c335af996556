# SPDX-License-Identifier: Apache-2.0
"""A guest whose QEMU is frozen, with input that waits for it: the consoles of the others, and the
events of everybody, go on as before."""

import statistics
import time

import libvirt
import pytest

from lab.client import Client
from lab.console import Console
from lab.guests import Guest
from lab.wait import wait_until

# Of noise on two busy processors; a loop or a worker that waits would cost seconds.
SLACK = 0.25
KEYS = 40


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents(config={"console": {"input_bytes_per_second": 1_000_000}})


def echo_seconds(viewer: Console) -> list[float]:
    """From a key to its echo."""
    taken = []
    for _ in range(KEYS):
        began = time.monotonic()
        viewer.type(b"k")
        viewer.wait_output(b"k")
        taken.append(time.monotonic() - began)
    return taken


def event_seconds(client: Client, guest: Guest, round_: str) -> list[float]:
    """From a change to its event."""
    taken = []
    for number in range(10):
        title = f"{round_} {number}"
        began = time.monotonic()
        guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, title, None, None,
                                 libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        client.expect("vm_updated", lambda m, t=title: m["data"]["vm"]["title"] == t)
        taken.append(time.monotonic() - began)
    return taken


@pytest.mark.short
def test_one_that_hangs_delays_nobody(agent, guests, watch, connect):
    frozen, other = guests("frozen").create(), guests("other").create()
    titled = guests("titled").define()
    for guest in (frozen, other):
        guest.wait_booted()
    stuck, viewer = watch(agent, frozen, tail=0), watch(agent, other, tail=0)
    client = connect(agent, "/ws/monitor?events=*&snapshot=0")
    for each in (stuck, viewer):
        each.wait_status("connected")
    stuck.type(b"alive")
    stuck.wait_output(b"alive")
    before = echo_seconds(viewer), event_seconds(client, titled, "before")

    frozen.freeze()
    text = b"y" * 60_000  # more than libvirt and the terminal take
    stuck.type(text)
    stuck.send({"type": "ping"})
    stuck.expect("pong")
    meanwhile = echo_seconds(viewer), event_seconds(client, titled, "meanwhile")
    for name, calm, hung in zip(("echo", "event"), before, meanwhile):
        assert statistics.median(hung) < 2 * statistics.median(calm) + SLACK / 5, name
        assert max(hung) < 2 * max(calm) + SLACK, name

    # A new one is opened, and its viewer goes, without anybody waiting.
    late = watch(agent, other, tail=0)
    began = time.monotonic()
    late.wait_status("connected")
    assert time.monotonic() - began < 1 + SLACK
    frozen.thaw()
    stuck.wait_told(lambda told: len(told.output) == 5 + len(text), 30, "all of it")
    assert stuck.output == b"alive" + text


@pytest.mark.parametrize("end", ["destroyed", "killed", "left"])
def test_what_hangs_can_be_ended(agent, guests, watch, end):
    """Libvirt's own calls about that stream may hang for a minute: nobody waits for them."""
    frozen, other = guests("frozen").define().start(), guests("other").create()
    for guest in (frozen, other):
        guest.wait_booted()
    stuck, viewer = watch(agent, frozen, tail=0), watch(agent, other, tail=0)
    for each in (stuck, viewer):
        each.wait_status("connected")
    frozen.freeze()
    stuck.type(b"y" * 60_000)
    stuck.send({"type": "ping"})
    stuck.expect("pong")
    if end == "left":
        stuck.close()
    elif end == "killed":
        frozen.kill()
    else:
        frozen.domain.destroy()
    assert max(echo_seconds(viewer)) < 1 + SLACK
    if end != "left":
        stuck.wait_status("waiting_for_vm", 30)
        frozen.wait_state(libvirt.VIR_DOMAIN_SHUTOFF, 30)
        frozen.start()
        stuck.wait_status("connected", 30)
        frozen.wait_booted()
        stuck.type(b"again")
        stuck.wait_output(b"again")
    else:
        frozen.thaw()
        back = watch(agent, frozen, tail=0)
        back.wait_status("connected", 30)
        back.acquire()
        back.wait_status("connected", writer=True)


def test_ten_that_hang(agents, guests, watch):
    agent = agents(config={"console": {"input_bytes_per_second": 1_000_000}})
    frozen = [guests(f"frozen-{i}").create() for i in range(10)]
    other = guests("other").create()
    for guest in (*frozen, other):
        guest.wait_booted(30)
    stuck = [watch(agent, guest, tail=0) for guest in frozen]
    viewer = watch(agent, other, tail=0)
    for each in (*stuck, viewer):
        each.wait_status("connected", 20)
    calm = echo_seconds(viewer)
    for guest, each in zip(frozen, stuck):
        guest.freeze()
        each.type(b"y" * 60_000)
    for each in stuck:
        each.send({"type": "ping"})
        each.expect("pong")
    hung = echo_seconds(viewer)
    assert max(hung) < 2 * max(calm) + SLACK
    for guest in frozen:
        guest.thaw()
    for each in stuck:
        each.wait_bytes(60_000, 60)
    wait_until(lambda: all(each.output == b"y" * 60_000 for each in stuck), what="all of it")
