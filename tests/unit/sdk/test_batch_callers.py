"""Batches: callers of publish write full requests and read the answers, and leave the rest to the batch's thread."""

from __future__ import annotations

import linecache
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

import pubsubclient
from pubsubclient import Batch, Event, Publisher, PublishError, PublishRefused, PublishUnknown, Service
from pubsubclient._http.exchange import Exchange
from pubsubclient._publish import queue
from pubsubclient._publish.batch_sender import Sender
from pubsubclient._publish.packet import Packet
from unit.sdk.scripted import BREAK_OFF, CUT, TRUNCATE, Reply, ScriptedService, problem

#: events of a full request
FULL = 1_000


@pytest.fixture
def service(server: ScriptedService) -> Service:
    """Patient: a test that holds an answer back may take its time on a busy machine."""
    return Service(server.url, deadline_s=120.0, read_timeout_s=60.0)


def _sizes(server: ScriptedService) -> list[int]:
    return [len(body["events"]) for body in server.calls("publish")]


def _stored(server: ScriptedService) -> list[str]:
    """The ids that arrived in whole requests, in order; those of a second try only once."""
    whole = [asked.body for asked in server.asked if len(asked.raw) == int(asked.headers["Content-Length"])]
    return list(dict.fromkeys(event["id"] for body in whole for event in body.get("events", ())))


def _events(count: int) -> list[Event]:
    return [Event("orders", id=f"{n}") for n in range(count)]


class _Held:
    """Answers of the service that come when the test says so."""

    def __init__(self, server: ScriptedService) -> None:
        self._server = server
        self.asked = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, body: Any) -> Reply:
        self.asked.set()
        self.go_on.wait(60)
        return Reply({"events": [self._server.receipt(event) for event in body["events"]]})


def _all_resolved(batch: Batch) -> bool:
    """Wait until all events have results, without asking for them."""
    driver = batch._driver
    with driver._lock:
        return driver._progress.wait_for(lambda: not driver.pending, 20)


def _failure(batch: Batch) -> PublishError:
    with pytest.raises(PublishError) as raised:
        batch.close()
    return raised.value


def test_the_caller_whose_event_fills_a_request_sends_it(
    server: ScriptedService, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its own thread, and without any call of the batch's thread in between."""
    began: list[int] = []
    begin = Sender.begin

    def watched(self: Sender, packet: Any) -> Exchange | None:
        began.append(threading.get_ident())
        return begin(self, packet)

    monkeypatch.setattr(Sender, "begin", watched)
    with publisher.batch(max_delay=60) as batch:
        futures = [batch.publish(event) for event in _events(FULL)]
        assert began == [threading.get_ident()]
        assert futures[-1].result(60).sequence == f"0000-{FULL:020d}"
    assert _sizes(server) == [FULL]


def test_a_slow_answer_does_not_hold_up_callers(server: ScriptedService, publisher: Publisher) -> None:
    """They go on until too many events are on their way."""
    held = _Held(server)
    server.script("publish", held)
    with publisher.batch(max_delay=60) as batch:
        futures = [batch.publish(event) for event in _events(5 * FULL + 1)]
        assert held.asked.wait(60)
        assert len(server.calls("publish")) == 1
        held.go_on.set()
        assert batch.flush(20)
    assert [future.result(0).id for future in futures] == [f"{n}" for n in range(5 * FULL + 1)]
    assert _stored(server) == [f"{n}" for n in range(5 * FULL + 1)]


def test_a_service_that_does_not_read_holds_up_no_caller(
    server: ScriptedService, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the connection does not take is sent later, by whoever comes next."""
    small = [(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)]
    monkeypatch.setattr(HTTPConnection, "default_socket_options", HTTPConnection.default_socket_options + small)
    server._server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    handler: Any = server._server.RequestHandlerClass
    go_on = threading.Event()

    def read_later(self: Any) -> None:
        if self.path == "/publish":
            go_on.wait(60)
        self._handle()

    monkeypatch.setattr(handler, "do_POST", read_later)
    publisher = Publisher("shop", service=service)
    with publisher.batch(max_delay=60) as batch:
        futures = [batch.publish(Event("orders", "x" * 700, id=f"{n}")) for n in range(4 * FULL)]
        assert server.calls("publish") == []
        go_on.set()
        assert batch.flush(20)
    assert [future.result(0).id for future in futures] == [f"{n}" for n in range(4 * FULL)]
    assert _sizes(server) == [FULL] * 4


def test_answers_are_read_though_nobody_asks_for_them(server: ScriptedService, publisher: Publisher) -> None:
    """And full requests are sent, when their callers have stopped to publish."""
    held = _Held(server)
    server.script("publish", held)
    with publisher.batch(max_delay=60) as batch:
        for event in _events(3 * FULL):
            batch.publish(event)
        held.go_on.set()
        assert _all_resolved(batch)
    assert _sizes(server) == [FULL] * 3


def test_an_event_behind_a_full_request_does_not_wait_long(server: ScriptedService, publisher: Publisher) -> None:
    """Though nobody looks at the answer before it."""
    with publisher.batch(max_delay=0.05) as batch:
        for event in _events(FULL):
            batch.publish(event)
        assert batch.publish(Event("orders", id="last")).result(60).id == "last"


@pytest.mark.parametrize("when", ["before", "under way", "after"])
def test_callbacks_run_in_the_batchs_thread(server: ScriptedService, publisher: Publisher, when: str) -> None:
    """Whenever they were added before there is a result; afterwards in the thread that adds them, as of any future."""
    held = _Held(server)
    server.script("publish", held)
    ran: list[threading.Thread] = []
    with publisher.batch(max_delay=60) as batch:
        future = batch.publish(Event("orders", id="0"))
        if when == "before":
            future.add_done_callback(lambda _: ran.append(threading.current_thread()))
        for event in _events(FULL)[1:]:
            batch.publish(event)
        assert held.asked.wait(60)
        if when == "under way":
            future.add_done_callback(lambda _: ran.append(threading.current_thread()))
        held.go_on.set()
        assert batch.flush(20)
        thread = batch._thread
    if when == "after":
        future.add_done_callback(lambda _: ran.append(threading.current_thread()))
    assert ran == [threading.current_thread() if when == "after" else thread]


def test_a_callback_may_publish_while_the_batch_is_full(server: ScriptedService, publisher: Publisher) -> None:
    """It does not wait for itself, whoever has sent the request."""
    held = _Held(server)
    server.script("publish", held)
    more = []
    with publisher.batch(max_delay=60, max_events=FULL) as batch:
        first, *rest = _events(FULL)
        batch.publish(first).add_done_callback(lambda _: more.append(batch.publish(Event("orders", id="more"))))
        for event in rest:
            batch.publish(event)
        held.go_on.set()
        assert batch.flush(20)
    assert more[0].result(0).id == "more"


def test_a_caller_that_is_interrupted_while_it_reads_loses_nothing(
    server: ScriptedService, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread sends the same bytes again."""
    read = Exchange._read
    left = [1]

    def interrupted(self: Exchange, *arguments: Any) -> Any:
        if threading.current_thread() is threading.main_thread() and left:
            left.pop()
            raise KeyboardInterrupt
        return read(self, *arguments)

    monkeypatch.setattr(Exchange, "_read", interrupted)
    futures = []
    with publisher.batch(max_delay=60) as batch:
        try:
            for event in _events(100 * FULL):
                futures.append(batch.publish(event))  # noqa: PERF401 - kept until the interruption
        except KeyboardInterrupt:
            pass
        assert batch.flush(20)
    assert not left
    assert [future.result(0).id for future in futures] == [f"{n}" for n in range(len(futures))]
    assert _stored(server)[: len(futures)] == [f"{n}" for n in range(len(futures))]
    raw = [asked.raw for asked in server.asked if asked.function == "publish"]
    assert len(raw) == len(set(raw)) + 1


_OURS = str(Path(pubsubclient.__file__).parent)


class _Interrupter:
    """Raises KeyboardInterrupt at the nth line of this package."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.raised = False

    def __call__(self, frame: FrameType, kind: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_OURS):
            return None
        # no signal handler runs between the end of a block and the first steps of its end, but a tracer does
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip()
        leaves = line.startswith(("with ", "if self._busy == this", "self._busy = None"))
        if kind == "line" and not leaves and not self.raised:
            self._left -= 1
            if self._left < 0:
                self.raised = True
                raise KeyboardInterrupt
        return self


@pytest.mark.slow
# an interrupted caller may drop a connection, which is closed as garbage
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("answered", [False, True])
def test_a_caller_may_be_interrupted_at_any_line(
    server: ScriptedService, publisher: Publisher, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    """Every event whose publish returned is stored, in order, and flush ends."""
    monkeypatch.setattr(queue, "_REQUEST_EVENTS", 4)
    publisher.publish("orders")
    at = 0
    while True:
        server.asked.clear()
        batch = publisher.batch(max_delay=60)
        events = _events(9)
        before = 7 if answered else 3
        futures = [batch.publish(event) for event in events[:before]]
        if answered:  # else the interrupted caller writes the first request
            first = batch._driver._queue.first
            while first is not None and first.exchange is not None and not first.exchange.ready:
                time.sleep(0.001)
        interrupter = _Interrupter(at)
        sys.settrace(interrupter)
        try:
            futures.append(batch.publish(events[before]))
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        last = batch.publish(events[8])
        assert batch.flush(20), f"line {at}"
        assert [future.result(0).id for future in futures] == [f"{n}" for n in range(len(futures))], f"line {at}"
        assert last.result(0).id == "8"
        assert _stored(server) in ([f"{n}" for n in [*range(before), 8]], [f"{n}" for n in [*range(before + 1), 8]])
        batch.close()
        if not interrupter.raised:
            break
        at += 1
    assert at > 40


def test_what_is_interrupted_between_counting_and_removing_counts_once() -> None:
    """The batch's thread does it again. Otherwise a flush would return before the last events have their results."""

    class Interrupted(deque[Packet]):
        def popleft(self) -> Packet:
            self.popleft = super().popleft  # type: ignore[method-assign]
            raise KeyboardInterrupt

    counted = queue.Queue(100, 1_000, time.monotonic, lambda: None)
    for event in _events(3):
        counted.put(event, b"{}")
    counted.packets[0].closed = True
    counted.put(Event("orders"), b"{}")
    counted.packets = Interrupted(counted.packets)
    with pytest.raises(KeyboardInterrupt):
        counted.resolve_first()
    counted.resolve_first()
    assert (counted.published, counted.resolved, counted.pending) == (4, 3, 1)
    assert counted.has_room(998)
    assert not counted.has_room(999)


@pytest.mark.parametrize("reason", [problem(422, "payload_differs"), problem(400, "invalid_event")])
def test_a_refused_request_is_not_sent_twice(server: ScriptedService, publisher: Publisher, reason: Reply) -> None:
    """Its halves are sent; the event at fault is surely not stored, and forgets that it was tried."""

    def reply(body: Any) -> Reply:
        if any(event["id"] == "0" for event in body["events"]):
            return reason
        return Reply({"events": [server.receipt(event) for event in body["events"]]})

    server.script("publish", *[reply] * 40)
    batch = publisher.batch(max_delay=60)
    events = _events(FULL)
    futures = [batch.publish(event) for event in events]
    error = _failure(batch)
    assert isinstance(error, PublishRefused)
    assert error.events == [events[0]]
    assert isinstance(futures[0].exception(0), PublishRefused)
    assert events[0].first_tries == {}
    assert len(events[1].first_tries) == 1
    assert _sizes(server)[:3] == [FULL, FULL // 2, FULL // 4]
    assert _sizes(server).count(FULL) == 1


def test_a_refusal_after_a_lost_answer_is_unknown(server: ScriptedService, publisher: Publisher) -> None:
    """The event may have been stored by the try before."""

    def reply(body: Any) -> Reply:
        if any(event["id"] == "7" for event in body["events"]):
            return problem(422, "payload_differs")
        return Reply({"events": [server.receipt(event) for event in body["events"]]})

    server.script("publish", BREAK_OFF, *[reply] * 40)
    batch = publisher.batch(max_delay=60)
    events = _events(FULL)
    for event in events:
        batch.publish(event)
    error = _failure(batch)
    assert isinstance(error, PublishUnknown)
    assert error.events == [events[7]]


@pytest.mark.parametrize(
    "trouble",
    [BREAK_OFF, CUT, TRUNCATE, problem(503, "unavailable"), Reply({"error": "slow down"}, 429, {"Retry-After": "0"})],
)
def test_trouble_is_the_threads_and_the_bytes_stay_the_same(
    server: ScriptedService, publisher: Publisher, trouble: Any
) -> None:
    """Order holds: what comes behind waits for the second try."""
    server.script("publish", trouble)
    with publisher.batch(max_delay=60) as batch:
        futures = [batch.publish(event) for event in _events(2 * FULL + 5)]
        assert batch.flush(20)
    assert [future.result(0).id for future in futures] == [f"{n}" for n in range(2 * FULL + 5)]
    raw = [asked.raw for asked in server.asked if asked.function == "publish"]
    assert raw[0] == raw[1]
    assert _sizes(server)[:2] == [FULL, FULL]
    assert _stored(server) == [f"{n}" for n in range(2 * FULL + 5)]


def test_an_answer_without_receipts_fails_its_events_alone(server: ScriptedService, publisher: Publisher) -> None:
    """They may be stored; the batch goes on."""
    server.script("publish", Reply({"events": []}))
    batch = publisher.batch(max_delay=60)
    for event in _events(FULL):
        batch.publish(event)
    later = batch.publish("orders")
    error = _failure(batch)
    assert isinstance(error, PublishUnknown)
    assert len(error.events) == FULL
    assert later.result(0)
    assert len(server.calls("publish")) == 2


def test_events_of_a_request_remember_the_same_try_each_for_itself(
    server: ScriptedService, publisher: Publisher
) -> None:
    """Publishing them again says since when."""
    events = _events(FULL)
    with publisher.batch(max_delay=60) as batch:
        for event in events:
            batch.publish(event)
    server.store_time_us = 1_700_000_900_000_000
    publisher.publish(Event("other"))
    publisher.publish(events[:2])
    first, *_, again = [body["since"] for body in server.calls("publish")]
    assert first == again
    events[0].first_tries.clear()
    assert len(events[1].first_tries) == 1


def test_an_adapter_of_the_program_sees_every_request(server: ScriptedService) -> None:
    """It may add, count or refuse; callers then send nothing by themselves."""
    sent = []

    class Own(HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
            sent.append(str(request.url).rpartition("/")[2])
            return super().send(request, *arguments, **named)

    publisher = Publisher("shop", service=Service(server.url, adapter=Own()))
    with publisher.batch() as batch:
        for event in _events(2 * FULL):
            batch.publish(event)
    assert len(_stored(server)) == 2 * FULL
    assert sent == [asked.function for asked in server.asked]


def test_callers_hold_up_nobody_when_several_fill_a_batch(server: ScriptedService, publisher: Publisher) -> None:
    """Each thread's events keep their order, and each event arrives once."""

    def publish(name: str) -> None:
        for n in range(2 * FULL):
            batch.publish(Event("orders", id=f"{name}{n}"))

    with publisher.batch(max_events=2 * FULL) as batch:
        threads = [threading.Thread(target=publish, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    arrived = [event["id"] for body in server.calls("publish") for event in body["events"]]
    assert len(arrived) == len(set(arrived)) == 8 * FULL
    for name in "abcd":
        assert [i for i in arrived if i[0] == name] == [f"{name}{n}" for n in range(2 * FULL)]


def test_looking_helps(server: ScriptedService, publisher: Publisher) -> None:
    """Whoever waits for a result has it when the service has answered, though no caller publishes any more."""
    waits: list[Callable[[Any], Any]] = [lambda future: future.result(60), lambda future: future.exception(20)]
    with publisher.batch(max_delay=60) as batch:
        for wait in waits:
            futures = [batch.publish(Event("orders")) for _ in range(FULL)]
            wait(futures[0])
            assert all(future.done() for future in futures)
