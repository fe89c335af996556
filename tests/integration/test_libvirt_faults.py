# SPDX-License-Identifier: Apache-2.0
"""Libvirt killed, stopped, frozen, without its socket, without workers, while guests start, stop
and die: clients end up with the truth, and the agent with no more than it had before."""

import itertools

import pytest

from lab.faults import Faults, door_uri
from lab.process import holdings, settled_holdings, what_it_holds
from lab.wait import wait_until

EVERY_FAULT = ("kill", "upgrade", "restart_at_once", "freeze", "freeze_for_a_moment",
               "take_the_socket", "change_unseen", "exhaust_workers")


@pytest.fixture
def faults(lab, agents, session_loop, seed):
    agent = agents(start=False, uri=door_uri(lab))
    with Faults(lab, agent, session_loop, seed) as driver:
        yield driver


def play(faults: Faults, names):
    for name in names:
        try:
            faults.round(name)
        except BaseException:
            print("\n".join(faults.story))
            raise


@pytest.mark.short
def test_each_fault_once(faults):
    play(faults, EVERY_FAULT)


@pytest.mark.torture
def test_faults_in_any_order(faults):
    play(faults, itertools.repeat(None, 10))


def test_frozen_for_a_minute(lab, agents, session_loop, seed):
    agent = agents(start=False, uri=door_uri(lab))
    with Faults(lab, agent, session_loop, seed, long_freeze=60) as driver:
        play(driver, ["freeze"])
    assert agent.figure("rollo_agent_loop_lag_seconds_max") < 1
    assert agent.figure("rollo_agent_libvirt_stuck_calls") == 0


def test_a_hundred_restarts_leave_nothing_behind(lab, agent, connect):
    client = connect(agent, "/ws/server/self")
    levels = []
    for number in range(100):
        (lab.kill if number % 2 else lab.stop)()
        lab.start()
        client.expect_data("server_status_changed", 30, new_status="offline")
        client.expect_data("server_status_changed", 30, new_status="online")
        if number == 4:
            levels.append(settled_holdings(agent.pid))
    try:
        wait_until(lambda: holdings(agent.pid).within(levels[0]), 20)
    except TimeoutError:
        raise AssertionError(f"more than {levels[0]}: {what_it_holds(agent.pid)}") from None
    assert agent.figure("rollo_agent_loop_lag_seconds_max") < 1
