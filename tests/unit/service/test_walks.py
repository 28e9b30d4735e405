"""How many of our frames, and how many of our files, lie between a call and its edge.

A reader of the code walks them all. The budgets are those that the code has now: whoever adds a frame sees it here, and
decides whether it is worth its walk. `pytest -s` prints the figures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import pubsubclient
import pubsubservice
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsub_emulator.sqlite.store import SQLiteStore
from pubsubclient import Publisher, Subscriber, Topic
from pubsubclient._http.adapter import BoundedAdapter

Warmed = tuple[Topic, Publisher, Subscriber]

_CLIENT = str(Path(pubsubclient.__file__).parent)
_SERVICE = str(Path(pubsubservice.__file__).parent)

#: client: frames down to the adapter that sends; service: down to the store
BUDGETS = {
    "client publish": 3,
    "client ack": 4,
    "client get_events": 4,
    "service publish": 6,
    "service get_events, read": 5,
    "service get_events, write": 6,
}
#: files of the service that an idle get_events enters. 16 would be few enough to keep in mind: it goes down, never up
MAX_FILES = 33


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    store = EphemeralStore()
    with Emulator(store) as running:
        yield running
    store.close()


class Frames:
    """Our frames on the stack when a method is called for the first time."""

    def __init__(self, root: str) -> None:
        self._root = root
        self.names: list[str] = []

    def note(self) -> None:
        frame: FrameType | None = sys._getframe(2)
        ours = []
        while frame is not None:
            if frame.f_code.co_filename.startswith(self._root):
                ours.append(frame.f_code.co_qualname if sys.version_info >= (3, 11) else frame.f_code.co_name)
            frame = frame.f_back
        self.names = self.names or ours[::-1]

    def watch(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        method: Callable[..., Any] = getattr(owner, name)

        def noted(*args: Any, **options: Any) -> Any:
            self.note()
            return method(*args, **options)

        monkeypatch.setattr(owner, name, noted)


def check(call: str, frames: Frames) -> None:
    print(f"{call}: {len(frames.names)} of {BUDGETS[call]}: {' > '.join(frames.names)}")
    assert len(frames.names) == BUDGETS[call]


@pytest.fixture
def warmed(emulator: Emulator) -> Iterator[Warmed]:
    """What has published and received before: caches are filled, threads run."""
    topic = Topic("orders", service=emulator.url)
    publisher, subscriber = Publisher("shop", service=emulator.url), Subscriber("billing", service=emulator.url)
    subscriber.subscribe(topic)
    publisher.publish(topic, 0)
    for _ in range(
        3
    ):  # an event, its ack, and nothing: the process remembers the document that it wrote for one request
        subscriber.get_events()
    yield topic, publisher, subscriber
    subscriber.close()


@pytest.mark.parametrize("call", ["client publish", "client ack", "client get_events"])
def test_the_frames_of_the_client(call: str, warmed: Warmed, monkeypatch: pytest.MonkeyPatch) -> None:
    topic, publisher, subscriber = warmed
    publisher.publish(topic, 1)
    events = subscriber.get_events() if call == "client ack" else []
    frames = Frames(_CLIENT)
    frames.watch(monkeypatch, BoundedAdapter, "send")
    if call == "client publish":
        publisher.publish(topic, 2)
    elif call == "client get_events":
        subscriber.get_events()
    else:
        assert events[0].ack()
    check(call, frames)


@pytest.mark.parametrize(
    ("call", "method"),
    [
        ("service publish", "create"),
        ("service get_events, read", "get_many"),
        ("service get_events, write", "update"),
    ],
)
def test_the_frames_of_the_service(call: str, method: str, warmed: Warmed, monkeypatch: pytest.MonkeyPatch) -> None:
    topic, publisher, subscriber = warmed
    if call == "service get_events, write":
        publisher.publish(topic, 1)
    frames = Frames(_SERVICE)
    frames.watch(monkeypatch, SQLiteStore, method)
    if call == "service publish":
        publisher.publish(topic, 2)
    else:
        subscriber.get_events()
    check(call, frames)


def test_the_files_that_an_idle_get_events_enters(warmed: Warmed, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, subscriber = warmed
    entered: set[str] = set()

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(_SERVICE):
            entered.add(str(Path(frame.f_code.co_filename).relative_to(_SERVICE)))

    from pubsub_emulator.server.router import Router

    served = Router.__call__

    def traced(self: Router, *request: Any) -> Any:
        sys.setprofile(profile)
        try:
            return served(self, *request)
        finally:
            sys.setprofile(None)

    monkeypatch.setattr(Router, "__call__", traced)
    assert subscriber.get_events() == []
    print(f"an idle get_events enters {len(entered)} files: {', '.join(sorted(entered))}")
    assert len(entered) <= MAX_FILES
