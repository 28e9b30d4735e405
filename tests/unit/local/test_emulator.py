"""The emulator within a test's own process."""

from __future__ import annotations

import threading
import time

import requests

from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubservice.api.app import current
from pubsubservice.core.settings import Settings
from pubsubservice.storage.paths import batches


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
            until = time.monotonic() + 30
            while not current().delivery._waiters.waiting and time.monotonic() < until:
                time.sleep(0.01)
        poll.join()
    assert polls[0].status_code == 200
    assert polls[0].json()["events"] == []
    assert polls[0].elapsed.total_seconds() < 15
    store.close()


def test_it_expires_now_and_then() -> None:
    """What is older than its topic keeps it goes, but for the last batch."""
    store = EphemeralStore()
    settings = Settings(safety_window_s=0.5)
    with requests.Session() as session, Emulator(store, settings=settings, expire_s=0.05) as emulator:
        session.post(f"{emulator.url}/register", json={"topic": "orders", "retention_s": 1}).raise_for_status()
        for number in range(3):
            event = {"specversion": "1.0", "id": str(number), "source": "/p", "type": "t"}
            body = {"topic": "orders", "publisher": "p", "events": [event]}
            session.post(f"{emulator.url}/publish", json=body).raise_for_status()
        while len(store.list(batches("orders", 0)).docs) > 1:
            pass
    store.close()


def test_another_one_may_follow_in_the_same_process() -> None:
    for _ in range(2):
        store = EphemeralStore()
        with Emulator(store) as emulator:
            assert requests.post(f"{emulator.url}/register", json={"topic": "orders"}, timeout=60).status_code == 201
        store.close()
