# SPDX-License-Identifier: Apache-2.0
"""Pauses and resumes running guests at random: `python -m lab.shake URI SEED TRANSITIONS UUID…`.
A program of its own, so that it does not wait for the clients that watch it."""

import random
import sys
import threading
import time

import libvirt

HANDS = 4
PER_SECOND = 50  # of each hand: clients are to come and go meanwhile


def shake(connection: libvirt.virConnect, uuids: list[str], transitions: int, seed: str):
    dice = random.Random(seed)
    guests = [connection.lookupByUUIDString(uuid) for uuid in uuids]
    paused = dict.fromkeys(uuids, False)
    for _ in range(transitions):
        guest = dice.choice(guests)
        uuid = guest.UUIDString()
        (guest.resume if paused[uuid] else guest.suspend)()
        paused[uuid] = not paused[uuid]
        time.sleep(1 / PER_SECOND)


def main():
    uri, seed, transitions, *uuids = sys.argv[1:]
    connection = libvirt.open(uri)
    failed = []

    def hand(number: int):
        try:
            shake(connection, uuids[number::HANDS], int(transitions) // HANDS, f"{seed} {number}")
        except libvirt.libvirtError as error:
            failed.append(error)

    threads = [threading.Thread(target=hand, args=(number,)) for number in range(HANDS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(str(failed[0]) if failed else 0)


if __name__ == "__main__":
    main()
