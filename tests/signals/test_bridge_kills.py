"""Bridged signals while both sides are killed again and again. BRIDGE_SENDS=10000 makes it a long run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore

SENDS = int(os.environ.get("BRIDGE_SENDS", "300"))
KILLS = 4
LEASED = 20

SENDER = """
import sys
from pubsubclient import Publisher, dispatcher
from pubsubclient.bridge import Bridge

Bridge(Publisher("sender")).forward("count")
for n in range(int(sys.argv[1]), int(sys.argv[2])):
    dispatcher.send("count", n=n)
    print(n, flush=True)
"""
LISTENER = f"""
from pubsubclient import Subscriber, dispatcher
from pubsubclient.bridge import Bridge

def on_count(n):
    print(n, flush=True)

dispatcher.connect(on_count, "count")
subscriber = Subscriber("listener")
subscriber.subscribe("count", ack_deadline=3, backoff=0, max_attempts=100)
Bridge(subscriber=subscriber).listen(wait=6, max_events={LEASED})
"""


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """That of a program whose service is an emulator of this test."""
    store = EphemeralStore()
    with Emulator(store) as emulator:
        yield {**os.environ, "PUBLISH_SUBSCRIBE_SERVICE": emulator.url}
    store.close()


def run_until_killed(program: str, arguments: list[str], environment: dict[str, str], kill_after: int) -> list[int]:
    """What a program printed until it ended, or was killed after so many lines (0: never)."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said: list[int] = []
        try:
            for line in process.stdout:
                said.append(int(line))
                if len(said) == kill_after:
                    break
        finally:
            if len(said) == kill_after:
                process.kill()
                # what was on its way through the pipe was said, too; a line cut short was not
                said += [int(line) for line in process.stdout if line.endswith("\n")]
    return said


@pytest.mark.timeout(3_600)
@pytest.mark.slow
def test_each_send_is_handled_and_none_again_after_it_was_settled(environment: dict[str, str]) -> None:
    """At least once; again only what a killed listener had leased, or a killed sender had sent without being told."""
    moments = random.Random(11)
    sent: list[int] = []
    sent_again: set[int] = set()
    for kill in range(KILLS + 1):
        after = moments.randrange(SENDS // 10, SENDS // 5) if kill < KILLS else 0
        sent_again.add(len(sent))  # it may have been stored when the sender was killed: now it is sent under a new id
        sent += run_until_killed(SENDER, [str(len(sent)), str(SENDS)], environment, after)
    assert sent == list(range(SENDS))

    lives: list[list[int]] = []
    for kill in range(KILLS + 1):
        after = moments.randrange(SENDS // 10, SENDS // 5) if kill < KILLS else 0
        lives.append(run_until_killed(LISTENER, [], environment, after))
    handled = Counter(n for life in lives for n in life)
    assert sorted(handled) == list(range(SENDS))
    for n, times in handled.items():
        in_hand = sum(n in life[-LEASED:] for life in lives[:-1])
        events = 1 + (n in sent_again)  # of which a killed listener may have had both in hand
        assert times <= events * (1 + in_hand), n
