"""Events that are published again after the deduplication window: with `far` they are recognised all the same."""

from __future__ import annotations

import pytest

from pubsubservice.core.problems import Conflict
from pubsubservice.events.entry import Entry, identity
from pubsubservice.storage.paths import batch_path
from pubsubservice.storage.port import Store
from stores.services import Calls, until

#: F of these tests, seconds; a publish that a busy machine holds up for twice as long may store its events twice
WINDOW_S = 0.5


def _entries(*ids: str, data: str = "1") -> list[Entry]:
    lines = [f'{{"specversion":"1.0","id":"{name}","source":"s","type":"t","data":{data}}}'.encode() for name in ids]
    return [Entry(name, "s", identity("P", "s", name), line) for name, line in zip(ids, lines, strict=True)]


class _Log:
    """A topic with many batches, of which the window has long passed."""

    def __init__(self, store: Store, **settings: int) -> None:
        self.calls = Calls(store, safety_window_s=WINDOW_S, **settings)
        self.store = store
        self.since = self.now()
        self.first = self.publish("a", "b")
        for n in range(30):
            self.publish(f"other-{n}")
        last = self.now()  # not `since`: the first publish may have taken longer than all others
        until(lambda: self.now() > last + 3 * WINDOW_S * 1_000_000)

    def now(self) -> int:
        return self.store.get_many(["topics/orders"]).time

    def publish(self, *ids: str, since: int | None = None, far: bool = False, data: str = "1") -> list[tuple[int, int]]:
        since = self.now() if since is None else since
        return self.calls.service.publish("orders", "P", _entries(*ids, data=data), since, far=far)[1]

    @property
    def end(self) -> int:
        """The index after the last event, by publishing one more."""
        return self.publish(f"end-{self.now()}")[0][0]


def test_an_event_is_stored_once_however_long_ago(store: Store) -> None:
    """With what is new beside it; without `far` it is stored again."""
    log = _Log(store)
    again = log.publish("new", "b", "a", since=log.since, far=True)
    assert again[1:] == log.first[::-1]
    assert again[0][0] == 32
    assert log.publish("new", "b", "a", since=log.since, far=True) == again
    assert log.end == 33
    assert log.publish("a", since=log.since)[0][0] == 34


def test_another_payload_is_refused_however_long_ago(store: Store) -> None:
    """And nothing of the request is stored."""
    log = _Log(store)
    with pytest.raises(Conflict) as raised:
        log.publish("new", "a", since=log.since, far=True, data="2")
    assert (raised.value.status, raised.value.code, raised.value.extra) == (422, "payload_differs", {"event": "a"})
    assert log.end == 32


def test_nothing_is_searched_before_since(store: Store) -> None:
    """An event that was stored before its first try is another one."""
    log = _Log(store)
    since = log.first[0][1]
    assert log.publish("a", since=since, far=True)[0][0] == 32
    # a publish that takes longer than the window, as on a busy machine, reads the end of the log anew and begins again
    costs = [log.calls.cost(lambda n=n: log.publish(f"c{n}", since=log.now(), far=True)) for n in range(5)]
    assert min(cost.reads for cost in costs) <= 12
    assert {cost.writes for cost in costs} == {1}


def test_a_search_is_bounded_and_then_nothing_is_stored(store: Store) -> None:
    """By what is older than the window, which is searched for every publish."""
    log = _Log(store, far_batches=20)
    cost = log.calls.cost(lambda: _too_far(log))
    assert cost.reads <= 20 + 10
    assert cost.writes == 0
    assert log.end == 32
    assert log.publish("other-29", since=log.since, far=True)[0][0] == 31, "found before the bound"


def _too_far(log: _Log) -> None:
    with pytest.raises(Conflict) as raised:
        log.publish("new", "a", since=log.since, far=True)
    assert (raised.value.status, raised.value.code) == (409, "too_far")


def test_what_retention_took_is_not_recognised(store: Store) -> None:
    """The log begins behind it."""
    log = _Log(store)
    store.delete([batch_path("orders", 0, 1)])
    again = log.publish("a", "other-0", since=log.since, far=True)
    assert [index for index, _ in again] == [32, 2]
