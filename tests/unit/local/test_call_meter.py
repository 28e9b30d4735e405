"""``GET /meter``: what the calls of this emulator were and cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubclient import Publisher, Service


@pytest.fixture
def url() -> Iterator[str]:
    """An emulator in this process."""
    store = EphemeralStore()
    with Emulator(store) as emulator:
        yield emulator.url
    store.close()


def meter(url: str) -> dict[str, Any]:
    answer = requests.get(f"{url}/meter", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    found: dict[str, Any] = answer.json()
    return found


def test_calls_are_counted_with_what_they_cost(url: str) -> None:
    """By function, newest first; and no event's data, id or topic."""
    empty = meter(url)
    assert (empty["calls"], empty["console"], empty["recent"]) == ({}, {}, [])
    Publisher("shop", service=Service(url)).publish("secret-topic", {"card": "secret-data"})
    assert requests.get(f"{url}/register", params={"topic": "secret-nowhere"}, timeout=10).status_code == 404
    found = meter(url)
    assert found["since"] == empty["since"]
    assert {name: (each["calls"], each["problems"]) for name, each in found["calls"].items()} == {
        "register": (2, 1),
        "publish": (1, 0),
    }
    assert found["calls"]["publish"]["writes"] >= 1
    assert found["calls"]["publish"]["ms"] > 0
    unknown, published, _ = found["recent"]
    assert (unknown["method"], unknown["function"], unknown["status"], unknown["code"]) == (
        "GET",
        "register",
        404,
        "unknown_topic",
    )
    assert (published["code"], published["writes"]) == (None, found["calls"]["publish"]["writes"])
    assert published["client"].startswith("pubsubclient/")
    assert "secret" not in str(found)


def test_the_consoles_calls_are_counted_apart(url: str) -> None:
    """So that looking hides nothing of what programs do."""
    requests.get(f"{url}/register?topic=", headers={"X-Pubsub-Console": "1"}, timeout=10)
    requests.get(f"{url}/register?topic=", headers={"X-Pubsub-Console": "0"}, timeout=10)
    found = meter(url)
    assert (found["calls"]["register"]["calls"], found["console"]["register"]["calls"]) == (1, 1)
    assert len(found["recent"]) == 1


def test_the_newest_two_hundred_are_remembered(url: str) -> None:
    """The sums go on."""
    with requests.Session() as session:
        for number in range(205):
            session.get(f"{url}/register?topic=t{number}", headers={"User-Agent": "x" * 1000}, timeout=10)
    found = meter(url)
    assert (found["calls"]["register"]["calls"], len(found["recent"])) == (205, 200)
    assert {each["client"] for each in found["recent"]} == {"x" * 80}
