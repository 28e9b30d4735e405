"""The emulator within a test's own process."""

from __future__ import annotations

import threading

import requests

from pubsub_emulator.ephemeral import EphemeralStore
from pubsub_emulator.server import Emulator


def test_it_serves_until_it_is_closed_and_ends_long_polls() -> None:
    store = EphemeralStore()
    with requests.Session() as session:
        with Emulator(store) as emulator:
            polls: list[requests.Response] = []
            session.post(f"{emulator.url}/register", json={"subscriber": "billing"}).raise_for_status()
            subscription = {"subscriber": "billing", "topic": "orders"}
            session.post(f"{emulator.url}/subscribe", json=subscription).raise_for_status()
            body = {"subscriber": "billing", "wait_s": 20}
            poll = threading.Thread(
                target=lambda: polls.append(requests.post(f"{emulator.url}/get_events", json=body, timeout=60))
            )
            poll.start()
            while not emulator._server._busy():
                pass
        poll.join()
    assert polls[0].status_code == 200
    assert polls[0].json()["events"] == []
    assert polls[0].elapsed.total_seconds() < 15
    store.close()


def test_another_one_may_follow_in_the_same_process() -> None:
    for _ in range(2):
        store = EphemeralStore()
        with Emulator(store) as emulator:
            assert requests.post(f"{emulator.url}/register", json={"topic": "orders"}, timeout=60).status_code == 201
        store.close()
