"""What a worker does when something is in its way: the table of edges in docs/workers.md."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.serving import serving_on
from pubsubclient import Event, InvalidArgument, Publisher, ReceivedEvent, Service, Subscriber
from pubsubclient._worker.options import Options
from pubsubclient._worker.worker import Worker
from pubsubclient.worker import EventLogFilter, current_event
from unit.sdk.scripted import ScriptedService, event, lease, problem
from worker.conftest import Seen
from worker.functions import FunctionHandler, consumer, worker_of

Start = Callable[..., Worker]
Publish = Callable[..., list[str]]


def await_that(condition: Callable[[], object], timeout: float = 60) -> None:
    give_up = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str) -> tuple[int, Any]:
    """Status and body of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=20) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
        return error.code, json.loads(body) if error.headers["Content-Type"] == "application/json" else None


# -- timeouts


def test_a_plain_handler_that_ignores_its_timeout_has_failed_and_its_thread_is_replaced(
    start: Start, publish: Publish, name: str, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()

    def handle(event: ReceivedEvent) -> None:
        seen.add(event)
        if event.data == 0 and event.attempt == 1:
            go_on.wait(60)
            raise ValueError("too late to count")

    publish(3)
    try:
        # long enough for those that end at once, however late their thread runs
        start(consumer(name, name, FunctionHandler(handle, timeout=3), backoff=0), concurrency=1)
        seen.wait_for(4)
        assert sorted(seen.runs) == [(0, 1), (0, 2), (1, 1), (2, 1)]
        assert "attempt 1 failed: timeout" in caplog.text
        assert "in handle" in caplog.text
    finally:
        go_on.set()
    await_that(lambda: sum(thread.name == "handler" for thread in threading.enumerate()) == 1)
    assert "too late to count" not in caplog.text


def test_an_async_handler_over_its_timeout_is_cancelled(start: Start, publish: Publish, name: str, seen: Seen) -> None:
    import asyncio

    cancelled = []

    async def handle(event: ReceivedEvent) -> None:
        seen.add(event)
        if event.attempt == 1:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                cancelled.append(event.data)
                raise

    publish(2)
    start(consumer(name, name, FunctionHandler(handle, timeout=3), backoff=0))
    seen.wait_for(4)
    assert sorted(cancelled) == [0, 1]
    assert sorted(seen.runs) == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_with_too_many_threads_that_do_not_end_the_worker_gives_up(
    start: Start, publish: Publish, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()

    def handle(event: ReceivedEvent) -> None:
        go_on.wait(60)

    publish(10)
    worker = start(consumer(name, name, FunctionHandler(handle, timeout=0.1)), concurrency=1, drain_timeout=0.5)
    assert worker.join(60)
    go_on.set()
    assert worker.exit_status == 1
    assert "More than 1 handlers still run after their timeouts" in caplog.text


# -- the service is away, or refuses


@pytest.mark.slow
def test_an_outage_is_told_once_and_its_end_once_and_nothing_is_lost(
    tmp_path: Path, name: str, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    """Also what was done in the meantime: it is acknowledged afterwards."""
    caplog.set_level(logging.INFO)
    serving = serving_on("sqlite", None, tmp_path)
    patient = Service(serving.url)
    Publisher("shop", service=patient).publish([Event(name, n) for n in range(20)])
    away = threading.Event()

    def handle(event: ReceivedEvent) -> None:
        if event.data >= 4:
            away.wait(60)
        seen.add(event)

    service = Service(serving.url, deadline_s=5)
    worker = worker_of(service, consumer(name, name, handle, ack_deadline=60), concurrency=4)
    worker.start()
    try:
        seen.wait_for(4)
        await_that(lambda: not worker.state()["subscribers"][name]["unsettled"])
        serving.kill()
        away.set()
        time.sleep(8)  # longer than a call tries
        serving.restart()
        seen.wait_for(20)
        Publisher("shop", service=patient).publish(Event(name, 20))
        seen.wait_for(21)
    finally:
        worker.stop()
        assert worker.join(60)
    state = Subscriber(name, service=patient).state()
    serving.close()
    assert sorted(seen.runs) == [(n, 1) for n in range(21)]
    assert state.unsettled == 0
    told = [(record.levelname, record.name) for record in caplog.records if record.name == "pubsubclient.transport"]
    assert told == [("WARNING", "pubsubclient.transport"), ("INFO", "pubsubclient.transport")]


def test_it_starts_while_the_service_is_away(tmp_path: Path, name: str, seen: Seen) -> None:
    serving = serving_on("sqlite", None, tmp_path)
    serving.kill()
    service = Service(serving.url, deadline_s=1)
    worker = worker_of(service, consumer(name, name, seen.add))
    worker.start()
    try:
        time.sleep(1.5)
        serving.restart()
        Publisher("shop", service=Service(serving.url)).publish(name, 1)
        seen.wait_for(1)
    finally:
        worker.stop()
        assert worker.join(60)
        serving.close()


@pytest.mark.parametrize(("status", "code"), [(403, "forbidden"), (404, "unknown_subscriber"), (409, "newer_format")])
def test_refused_requests_are_told_once_and_tried_again(
    server: ScriptedService,
    name: str,
    seen: Seen,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
) -> None:
    monkeypatch.setattr("pubsubclient._worker.fetcher._REFUSED_S", 0.05)
    caplog.set_level(logging.INFO)
    refusals = [problem(status, code)] * 3

    def answer(body: Any) -> Any:
        if body["subscriber"] == "two" or not body["max_events"]:
            return server._usual(body)
        return refusals.pop() if refusals else lease(event(1))(body)

    server.script("get_events", *[answer] * 60)
    worker = worker_of(
        Service(server.url), consumer("one", "orders", seen.add), consumer("two", "orders", print), concurrency=1
    )
    worker.start()
    seen.wait_for(1)
    worker.stop()
    assert worker.join(60)
    assert worker.exit_status == 0
    assert sum("the service refuses its requests" in record.getMessage() for record in caplog.records) == 1
    assert sum("no longer refuses" in record.getMessage() for record in caplog.records) == 1


def test_if_all_subscribers_are_refused_the_worker_ends(
    server: ScriptedService, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(9):
        server.script("subscribe", problem(403, "forbidden", "Not yours."))
    worker = worker_of(Service(server.url), consumer("one", "orders", print), consumer("two", "orders", print))
    worker.start()
    assert worker.join(60)
    assert worker.exit_status == 1
    assert caplog.text.count("Not yours.") == 2


@pytest.fixture
def server() -> Iterator[ScriptedService]:
    service = ScriptedService()
    yield service
    service.close()


# -- forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_a_handler_forks_has_no_worker_and_can_publish(
    start: Start, publish: Publish, service: Service, subscriber: Subscriber, name: str, seen: Seen
) -> None:
    workers: list[Worker] = []
    publisher = Publisher("forked", service=service)
    ended: list[int] = []

    def handle(event: ReceivedEvent) -> None:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                publisher.publish(f"{name}.children", event.data)
                gone = (
                    workers[0].join(0)
                    and not workers[0]._schedule.running
                    and not workers[0]._sources[0].outcomes.pending
                )
                status = 0 if gone else 3
            finally:
                os._exit(status)
        ended.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        seen.add(event)

    publish(4)
    workers.append(start(consumer(name, name, handle), concurrency=2))
    seen.wait_for(4)
    assert ended == [0] * 4
    with Subscriber(f"{name}.reader", service=service) as reader:
        reader.subscribe(f"{name}.children")
        assert sorted(each.data for each in reader.get_events(wait=5)) == [0, 1, 2, 3]
    workers[0].stop()
    assert workers[0].join(60)
    assert subscriber.state().unsettled == 0
    assert sorted(seen.runs) == [(n, 1) for n in range(4)]


# -- start and stop


def test_a_worker_leaves_nothing_behind(start: Start, publish: Publish, name: str, seen: Seen) -> None:
    async def ahandle(event: ReceivedEvent) -> None:
        seen.add(event)

    publish(10)
    before = set(threading.enumerate())
    worker = start(consumer(name, name, seen.add), consumer(f"{name}.a", name, ahandle), health=str(free_port()))
    seen.wait_for(20)
    worker.stop()
    assert worker.join(60)
    left = [
        thread for thread in threading.enumerate() if thread not in before and thread.name != "pubsubclient deadlines"
    ]
    give_up = time.monotonic() + 60
    while any(thread.is_alive() for thread in left) and time.monotonic() < give_up:
        time.sleep(0.01)
    assert [thread.name for thread in left if thread.is_alive()] == []
    with pytest.raises(InvalidArgument, match="started once"):
        worker.run()


def test_a_stop_in_the_middle_of_a_wait_is_quick_and_takes_nothing_along(
    start: Start, publish: Publish, subscriber: Subscriber, name: str
) -> None:
    worker = start(consumer(name, name, print))
    await_that(lambda: worker._fetchers[0].answered_at and worker._fetchers[0]._subscribed)
    time.sleep(0.3)
    asked = time.monotonic()
    worker.stop()
    assert worker.join(60)
    assert time.monotonic() - asked < 15  # the wait lasts 20 s
    publish(1)
    assert [each.attempt for each in subscriber.get_events(wait=5)] == [1]


def test_a_second_stop_by_the_same_cuts_and_one_by_another_does_not(
    start: Start, publish: Publish, subscriber: Subscriber, name: str, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pubsubclient._worker.worker._CUT_S", 60.0)  # what was not released by then is a second attempt
    go_on = threading.Event()

    def handle(event: ReceivedEvent) -> None:
        seen.add(event)
        go_on.wait(60)

    publish(3)
    worker = start(consumer(name, name, handle), concurrency=1)
    seen.wait_for(1)
    worker.stop()
    worker.stop("parent")
    assert not worker.join(0.5)
    worker.stop()
    assert worker.join(60)
    go_on.set()
    assert worker.exit_status == 1
    assert sorted((each.data, each.attempt) for each in subscriber.get_events(wait=5)) == [(0, 1), (1, 1), (2, 1)]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_lifespan_is_around_all_handlers(
    service: Service, publish: Publish, name: str, seen: Seen, kind: str
) -> None:
    told: list[str] = []

    @contextmanager
    def span() -> Iterator[None]:
        told.append("begun")
        yield
        told.append(f"ended after {len(seen.events)}")

    @asynccontextmanager
    async def aspan() -> Any:
        with span():
            yield

    publish(3)
    worker = worker_of(service, consumer(name, name, seen.add), lifespan=span if kind == "sync" else aspan, burst=True)
    assert worker.run() == 0
    assert told == ["begun", "ended after 3"]


def test_a_lifespan_that_fails_ends_the_worker_before_it_begins(
    service: Service, publish: Publish, name: str, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    @contextmanager
    def span() -> Iterator[None]:
        raise OSError("no database")
        yield

    publish(1)
    worker = worker_of(service, consumer(name, name, seen.add), lifespan=span)
    assert worker.run() == 1
    assert seen.events == []
    assert "no database" in caplog.text


# -- health and log


def test_the_health_endpoint_tells_what_is_in_hand(start: Start, publish: Publish, name: str, seen: Seen) -> None:
    go_on = threading.Event()

    def handle(event: ReceivedEvent) -> None:
        seen.add(event)
        go_on.wait(60)

    publish(5)
    port = free_port()
    worker = start(consumer(name, name, handle), concurrency=2, health=str(port))
    seen.wait_for(2)
    status, told = get(f"http://127.0.0.1:{port}/healthz")
    assert status == 200
    assert told["subscribers"][name]["running"] == 2
    assert told["oldest"]["handler"].endswith("handle")
    assert get(f"http://127.0.0.1:{port}/other")[0] == 404
    worker.stop()
    await_that(lambda: get(f"http://127.0.0.1:{port}/healthz")[0] == 503)
    go_on.set()
    assert worker.join(60)


def test_a_port_that_is_taken_is_one_line_and_status_2(
    service: Service, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        worker = worker_of(service, consumer(name, name, print), health=str(taken.getsockname()[1]))
        assert worker.run() == 2
    assert "health: cannot listen at 127.0.0.1" in caplog.text


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8080", ("127.0.0.1", 8080)),
        (":8080", ("127.0.0.1", 8080)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_the_health_endpoint_is_on_this_machine_unless_told(text: str, address: tuple[str, int]) -> None:
    assert Options(health=text).health == address


@pytest.mark.parametrize(
    "options",
    [{"concurrency": 0}, {"async_concurrency": "x"}, {"drain_timeout": -1}, {"burst": "no"}, {"prefetch": 61},
     {"settle_within": None}, {"health": "host:port"}, {"subscribe": 1}],
)  # fmt: skip
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=next(iter(options))):
        Options(**options)


def test_log_records_carry_the_event(start: Start, publish: Publish, name: str, seen: Seen) -> None:
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    keep = Keep()
    keep.addFilter(EventLogFilter())
    log = logging.getLogger("tests.handlers")
    log.addHandler(keep)
    current: list[ReceivedEvent | None] = [current_event()]

    def handle(event: ReceivedEvent) -> None:
        log.warning("at work")
        current.append(current_event())
        seen.add(event)

    async def ahandle(event: ReceivedEvent) -> None:
        handle(event)

    try:
        ids = publish(1)
        start(consumer(name, name, handle), consumer(f"{name}.a", name, ahandle))
        seen.wait_for(2)
        log.warning("outside")
    finally:
        log.removeHandler(keep)
    fields = [(r.event_id, r.topic, r.attempt, r.subscriber, r.handler.rpartition(".")[2]) for r in records]  # type: ignore[attr-defined]
    assert sorted(fields[:2]) == [(ids[0], name, 1, name, "handle"), (ids[0], name, 1, f"{name}.a", "ahandle")]
    assert fields[2] == ("-", "-", "-", "-", "-")
    assert current[0] is None
    assert {each.id for each in current[1:] if each is not None} == set(ids)


def test_plain_and_async_handlers_share_a_subscriber(start: Start, publish: Publish, name: str, seen: Seen) -> None:
    threads: dict[str, set[str]] = {"plain": set(), "async": set()}

    def handle(event: ReceivedEvent) -> None:
        threads["plain"].add(threading.current_thread().name)
        seen.add(event)

    async def ahandle(event: ReceivedEvent) -> None:
        threads["async"].add(threading.current_thread().name)
        seen.add(event)

    publish(200)
    start(
        consumer(
            name, name,
            FunctionHandler(handle, takes=lambda event: event.data % 2 == 0, lane=lambda event: event.data % 5),
            FunctionHandler(ahandle, lane=lambda event: event.data % 5),
        )
    )  # fmt: skip
    seen.wait_for(200)
    assert sorted(seen.runs) == [(n, 1) for n in range(200)]
    assert threads == {"plain": {"handler"}, "async": {"event loop of handlers"}}
