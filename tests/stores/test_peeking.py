"""Peeks over each store: cursors that no service made, which mislead nobody; and waits."""

from __future__ import annotations

import random
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import msgspec
import pytest
from werkzeug.test import EnvironBuilder

from pubsubservice import main
from pubsubservice.api import app
from pubsubservice.delivery.peek import Newest, Peek
from pubsubservice.storage.port import Store
from stores.services import Calls, until
from stores.test_housekeeping import aged

CURSORS = 10_000
#: reads of one call: the logs twice over, the call's bound, and what patterns find in the registry
MAX_READS = 1_000

NUMBERS = (
    -1,
    0,
    1,
    2,
    5,
    17,
    10**6,
    10**11 - 1,
    10**11,
    10**12,
    2**31,
    2**62,
    2**63 - 1,
    2**63,
    2**64 - 1,
    1.5,
    None,
    "1",
)
NAMES = (
    "orders",
    "bills",
    "nowhere",
    "a/b",
    "../topics",
    "",
    "*",
    ">",
    "a.*",
    "a.>.b",
    "x" * 255,
    "x" * 300,
    "\x00",
    "é",
    7,
    None,
)


def encoded(value: Any) -> str:
    return urlsafe_b64encode(zlib.compress(msgspec.msgpack.encode(value))).rstrip(b"=").decode()


def decoded(cursor: str) -> Any:
    return msgspec.msgpack.decode(zlib.decompress(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))


def _positions(r: random.Random) -> Any:
    kind = r.random()
    if kind < 0.1:
        return r.choice((None, 1, "x", {}, [1], [[1]], [[1, 0, 0, 0]]))
    if kind < 0.2:
        return [[r.choice(NUMBERS)] * 3] * r.choice((1, 99, 100, 101, 2_000))
    return [
        [
            r.choice((1, 2, 3, r.choice(NUMBERS))),
            r.choice((0, 1, r.choice(NUMBERS))),
            r.choice((0, 3, r.choice(NUMBERS))),
        ]
        for _ in range(r.choice((0, 1, 1, 3)))
    ]


def _cursor(r: random.Random, honest: str) -> str:
    """One of many kinds: noise, an honest one that was damaged, and what only looks like one."""
    kind = r.random()
    if kind < 0.1:
        return "".join(r.choices("abcXYZ019-_", k=r.choice((1, 3, 50, 500, 8_000, 8_001))))
    if kind < 0.2:
        damaged = bytearray(zlib.decompress(urlsafe_b64decode(honest + "=" * (-len(honest) % 4))))
        for _ in range(r.choice((1, 1, 2, 5))):
            damaged[r.randrange(len(damaged))] = r.randrange(256)
        return urlsafe_b64encode(zlib.compress(bytes(damaged))).rstrip(b"=").decode()
    if kind < 0.25:
        return honest[: r.randrange(1, len(honest))]
    if kind < 0.3:
        return encoded(
            r.choice(([], {}, None, 1, "x", [1], [[[]]] * 5, b"\x00" * 10_000_000 if r.random() < 0.1 else [2]))
        )
    cursor = decoded(honest)
    filters = msgspec.json.encode(r.choice(([], [{"exact": {"type": "t"}}], [{"sql": "1"}], {}, [{"not": {}}], "x")))
    topics = {str(r.choice(NAMES)): _positions(r) for _ in range(r.choice((0, 1, 2, 5, 101)))}
    patterns = {str(r.choice(NAMES)): (r.choice(NUMBERS), r.choice(NUMBERS)) for _ in range(r.choice((0, 0, 1, 2)))}
    for place, value in enumerate((1, r.choice(NUMBERS), r.choice((b"", filters, b"[" * 5_000)), patterns, topics)):
        if r.random() < 0.5:
            cursor[place] = value
    return encoded(cursor)


def _status(cursor: str) -> tuple[int, Any, tuple[int, int]]:
    """Status and body of a peek over HTTP's function, with its reads and writes."""
    environ = EnvironBuilder(path="/", query_string={"cursor": cursor}).get_environ()
    response = main.get_events(flask.Request(environ))
    reads, writes, _ = (int(part.partition("=")[2]) for part in response.headers["X-Store-Ops"].split(", "))
    return response.status_code, response.get_json(force=True), (reads, writes)


def test_hostile_cursors_are_refused_or_read(store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand, fewer on Google's emulator: 400 or 200, no write, bounded reads, and a cursor that goes on."""
    calls = aged(store, "orders", "bills")
    calls.service.housekeeping.run()
    other = Calls(store)  # another process, which did not write the batches
    monkeypatch.setattr(app, "_service", other.service)
    honest = other.service.peek(Peek(["orders", "bills", "a.*"], "earliest")).cursor
    seen: Counter[tuple[int, str]] = Counter()
    r = random.Random(1)
    for _ in range(300 if store_url.startswith("firestore") else CURSORS):
        cursor = _cursor(r, honest)
        status, body, (reads, writes) = _status(cursor)
        seen[(status, body.get("code", ""))] += 1
        assert (status in {200, 400}, reads <= MAX_READS, writes) == (True, True, 0), (cursor, body, reads)
        if status == 200:
            assert _status(body["cursor"])[0] == 200
    assert {status for status, _ in seen} == {200, 400}
    expected = {"", "invalid_cursor", "too_many_logs"}
    assert expected >= {code for _, code in seen}, seen
    assert expected == {code for _, code in seen} or sum(seen.values()) < CURSORS, seen
    other.subscribe("orders")
    other.subscribe("bills")
    assert sorted(other.drain()) == [("bills", 2), ("orders", 2)]


def test_a_cursor_of_long_ago_does_not_mislead_a_subscriber(store: Store) -> None:
    """Both are at a place that retention took since: what the peek finds there, again and again, is no proof of anything."""
    calls = aged(store, "orders")
    calls.subscribe("orders")
    old = decoded(calls.service.peek(Peek(["orders"], "earliest")).cursor)
    old[4] = {"orders": [[1, 0, 0]]}
    calls.service.housekeeping.run()
    other = Calls(store)
    for _ in range(3):
        response = other.service.peek(Peek(cursor=encoded(old)))
        assert response.lost == {"orders": 2}
        assert [slice_.span.first for slice_ in response.slices] == [2]
    assert dict(other.get().lost) == {"orders": 2}


def test_peeks_and_subscribers_wait_in_the_same_threads(store: Store) -> None:
    """Half of the process's threads: whoever comes when they wait is answered at once, and told to come again."""
    calls = Calls(store, threads=2)
    calls.subscribe("orders")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(calls.get, wait_s=20)
        until(lambda: calls.service.delivery._waiters.waiting == 1)
        response = calls.service.peek(Peek(["bills"], wait_s=20))
        assert (response.crowded, response.slices) == (True, [])
        calls.publish("orders")
        assert len(waiting.result(timeout=20).slices) == 1
    assert calls.service.delivery._waiters.waiting == 0


def test_what_a_pattern_costs_to_peek_at(store: Store) -> None:
    """To begin, three reads a log, and two for the end of the registry; idle, one a log and one more; and no write."""
    calls = Calls(store)
    calls.service.topics.register("wide", 4)
    for topic in ("wide", "a", "b", "c"):
        calls.publish(topic)
    begun: list[str] = []
    meter = calls.cost(lambda: begun.append(calls.service.peek(Peek([">"])).cursor))
    assert (meter.reads <= 3 * 7 + 2, meter.writes) == (True, 0), meter
    meter = calls.cost(lambda: calls.service.peek(Peek(cursor=begun[0])))
    assert (meter.reads, meter.writes) == (8, 0)
    other = Calls(store)  # a process that has not read these logs
    meter = other.cost(lambda: other.service.peek(Peek(cursor=begun[0])))
    assert (meter.reads, meter.writes) == (8 + 7, 0)
    meter = other.cost(lambda: other.service.peek(Peek(cursor=begun[0])))
    assert (meter.reads, meter.writes) == (8, 0)
    calls.publish("a")
    meter = calls.cost(lambda: calls.service.peek(Peek(cursor=begun[0])))
    assert (meter.reads, meter.writes) == (8, 0)
    meter = calls.cost(lambda: calls.service.peek(Peek(["a"], Newest(20))))
    assert (meter.reads <= 12, meter.writes) == (True, 0), meter
