"""Waits that listen: what they return, what they cost, and what becomes of them when Listen fails."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from grpc import StatusCode

from pubsubservice.core.meter import start_meter
from pubsubservice.storage.firestore import listen, listen_stream
from pubsubservice.storage.firestore.quiet_waits import QuietWaits
from pubsubservice.storage.firestore.store import FirestoreStore
from pubsubservice.storage.port import Doc
from unit.google.fakes import PREFIX, PROJECT
from unit.google.listen.server import ADD, CURRENT, REMOVE, RESET, Listening, Stream, Target
from unit.google.listen.waiting import (
    CODES,
    LONG_S,
    SteppedRuntime,
    Waits,
    await_current,
    await_looks,
    await_true,
    cloud_store,
    quiet_wait,
    told,
    wait_quietly,
)


def test_a_wait_is_told_at_the_commit_and_costs_a_read_a_document(server: Listening, waits: Waits) -> None:
    wait = waits.begin("a/1", "a/2")
    server.await_targets(1)
    server.create("a/2")
    assert told(wait) in {2, 3}  # 2 for the attach; 1 for the change, unless it came before the target was current
    assert server.looks == 0


def test_a_change_after_the_attach_is_one_more_read(server: Listening, store: FirestoreStore, waits: Waits) -> None:
    wait = waits.begin("a/1", "a/2")
    [target] = server.await_targets(1)
    assert target.stream.number == 0
    await_current(store)
    server.create("a/2")
    assert told(wait) == 3


def test_a_document_of_a_mebibyte_ends_the_wait(server: Listening, waits: Waits) -> None:
    """Firestore sends all of the document that a wait is told of."""
    wait = waits.begin("a/1")
    [target] = server.await_targets(1)
    target.find("a/1", 2**20)
    told(wait)
    assert len(server.streams) == 1
    assert server.looks == 0


def test_over_googles_emulator_each_wait_has_a_stream_and_looks_once(server: Listening) -> None:
    """A document that is committed during the attach may be told of by neither its first state nor a change."""

    def attach_and_miss(target: Target) -> None:
        server.documents.update(target.paths)
        target.change(ADD)
        target.change(CURRENT)

    server.on_target = attach_and_miss
    store = FirestoreStore(PROJECT, emulator=server.address)
    waits = Waits(store)
    try:
        begun = [waits.begin(f"a/{n}") for n in range(2)]
        assert [told(wait) for wait in begun] == [1, 1]  # the look is not billed
        assert server.looks == 2
        assert max(len(stream.ids) for stream in server.streams) == 1
    finally:
        store.close()
        waits.close()


def test_what_exists_already_ends_the_wait(server: Listening, store: FirestoreStore) -> None:
    server.documents.add("a/2")
    meter = start_meter()
    assert store.wait_for(["a/1", "a/2"], LONG_S)
    assert (meter.reads, server.looks) == (2, 0)


@pytest.mark.parametrize("count", [1, 20, 100])
def test_a_wait_without_an_event_costs_a_read_a_document_and_ends_at_its_time(
    server: Listening, stepped: FirestoreStore, count: int
) -> None:
    meter = start_meter()
    assert quiet_wait(server, stepped, *(f"a/{n}" for n in range(count))) is False
    assert (meter.reads, server.looks) == (count, 0)
    server.await_targets(0)


def test_waits_one_after_the_other_use_one_stream_and_ids_are_new(
    server: Listening, stepped: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen_stream, "LINGER_S", LONG_S)
    for _ in range(5):
        assert quiet_wait(server, stepped, "a/1") is False
    assert len(server.streams) == 1
    assert server.streams[0].ids == [1, 2, 3, 4, 5]


def test_a_stream_ends_when_nobody_has_waited_for_a_second(server: Listening, stepped: FirestoreStore) -> None:
    quiet_wait(server, stepped, "a/1")
    assert server.streams[0].ended.wait(LONG_S)
    assert quiet_wait(server, stepped, "a/1") is False
    assert len(server.streams) == 2


def test_a_stream_that_was_idle_for_long_is_not_used_again(server: Listening, stepped: FirestoreStore) -> None:
    """The process was frozen in between: its threads did not run, and the connection may be dead."""
    for _ in range(2):
        quiet_wait(server, stepped, "a/1")
        stepped._runtime.sleep(5)
    assert len(server.streams) == 2


def test_a_stream_lasts_ten_minutes_at_most(server: Listening, stepped: FirestoreStore) -> None:
    """Then the next one has new credentials, and maybe another server. Streams do not end all at once."""
    quiet_wait(server, stepped, "a/1")
    assert 500 < server.streams[0].left_s <= 0.9 * 600  # a tenth less, as random() is a half here


def test_a_hundred_waits_share_two_streams(server: Listening, waits: Waits) -> None:
    before = {*threading.enumerate()}
    begun = [waits.begin(f"a/{n}") for n in range(100)]
    targets = server.await_targets(100)
    assert sorted(len(stream.targets) for stream in server.streams) == [36, 64]
    more = {*threading.enumerate()} - before
    assert [thread.name for thread in more].count("pubsub-listen") == 2
    # of the server: a thread that answers and one that takes requests, for each stream
    assert len(more) <= 100 + 6 + 4
    for target in targets:
        server.create(*target.paths)
    for wait in begun:
        assert told(wait) <= 2
    for stream in server.streams:
        assert stream.ended.wait(LONG_S)


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_a_stream_that_ends_is_replaced_whatever_its_code(server: Listening, waits: Waits, code: StatusCode) -> None:
    """Only a code that says that Listen is refused lets the wait poll."""
    wait = waits.begin("a/1")
    [target] = server.await_targets(1)
    target.stream.end(code)
    server.documents.add("a/1")
    assert told(wait) <= 3


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_a_target_that_is_removed_is_attached_again_or_the_wait_polls(
    server: Listening, waits: Waits, code: StatusCode
) -> None:
    wait = waits.begin("a/1")
    [target] = server.await_targets(1)
    server.documents.add("a/1")
    target.change(REMOVE, code)
    assert told(wait) <= 3


def test_a_wait_attaches_three_times_and_then_polls(server: Listening, waits: Waits) -> None:
    def attach_and_end(target: Target) -> None:
        server.attach(target)
        target.stream.end()

    server.on_target = attach_and_end
    wait = waits.begin("a/1")
    await_looks(server, 1)
    assert len(server.streams) == 3
    server.create("a/1")
    told(wait)


def test_a_reset_costs_the_documents_again_and_tells_what_comes(
    server: Listening, store: FirestoreStore, waits: Waits
) -> None:
    wait = waits.begin("a/1", "a/2")
    [target] = server.await_targets(1)
    await_current(store)
    target.change(RESET)
    target.find("a/2")
    assert told(wait) == 4


def test_a_wait_that_ends_between_a_reset_and_the_new_state_is_not_sure(
    server: Listening, stepped: FirestoreStore
) -> None:
    """What was created before the reset may not have been told yet."""
    names = [PREFIX + "a/1"]
    attached = stepped._listener._attach(names, LONG_S)
    assert attached is not None
    stream, watch = attached
    assert watch.ready.wait(LONG_S)
    [target] = server.await_targets(1)
    target.change(RESET)
    target.change(ADD)
    target.stream.end()
    assert watch.over.wait(LONG_S)
    assert not watch.current
    assert watch.reads == 2
    watch.over = stepped._runtime.new_event()
    assert stepped._listener._follow(stream, watch, 0.0) is listen.Told.LOST


def test_a_count_of_documents_ends_the_wait(server: Listening, waits: Waits) -> None:
    wait = waits.begin("a/1")
    [target] = server.await_targets(1)
    target.count(0)
    assert not wait.done()
    target.count(1)
    told(wait)


def test_a_server_that_says_nothing_is_waited_for_a_second_and_then_polled(
    server: Listening, stepped: FirestoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is billed for an attach that was not answered."""
    monkeypatch.setattr(listen, "ATTACH_S", 0.1)
    server.on_target = lambda target: None
    meter = start_meter()
    assert stepped.wait_for(["a/1"], 0.5) is False
    assert meter.reads == server.looks >= 3
    server.documents.add("a/1")
    assert stepped.wait_for(["a/1"], LONG_S)
    assert len(server.streams) == 1, "Listen is off for a second"


def test_a_wait_polls_while_its_attach_is_not_answered(
    server: Listening, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "ATTACH_S", 0.1)
    server.on_target = lambda target: None
    wait = waits.begin("a/1")
    await_looks(server, 1)
    server.documents.add("a/1")
    assert told(wait) == server.looks


@pytest.mark.parametrize("end", [FirestoreStore.end_waits, FirestoreStore.close])
def test_the_end_of_the_store_ends_waits_that_listen(
    server: Listening, store: FirestoreStore, waits: Waits, end: Callable[[FirestoreStore], None]
) -> None:
    wait = waits.begin("a/1")
    server.await_targets(1)
    end(store)
    told(wait)


def test_the_end_of_the_store_ends_waits_that_poll(server: Listening, store: FirestoreStore, waits: Waits) -> None:
    server.on_stream = lambda stream: stream.end(StatusCode.UNIMPLEMENTED)
    wait = waits.begin("a/1")
    await_looks(server, 1)
    store.end_waits()
    told(wait)
    told(waits.begin("a/1"))


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_where_listen_never_works_waits_cost_what_polls_do(server: Listening, code: StatusCode) -> None:
    """Look for look, by a clock and jitter that do not vary."""
    server.on_stream = lambda stream: stream.end(code)
    looks = []
    for polls in (True, False):
        server.looks = 0
        store = cloud_store(server, SteppedRuntime())
        if polls:
            store._listener.close()
        meter = start_meter()
        for _ in range(3):
            assert store.wait_for(["a/1", "a/2"], 20.0) is False
        assert meter.reads == 2 * server.looks
        looks.append(server.looks)
        store.close()
    assert looks[0] == looks[1] > 60
    assert 1 <= len(server.streams) <= 3


@pytest.mark.parametrize("code", [StatusCode.RESOURCE_EXHAUSTED, StatusCode.NOT_FOUND, StatusCode.UNAVAILABLE])
def test_where_listen_never_works_six_streams_a_minute_are_opened(server: Listening, code: StatusCode) -> None:
    """And one a minute later on, however many waits there are."""
    server.on_stream = lambda stream: stream.end(code)
    runtime = SteppedRuntime()
    store = cloud_store(server, runtime)
    opened = []
    for minute in range(1, 5):
        while runtime.ahead_s < 60 * minute:
            store.wait_for(["a/1"], 0.5)
        opened.append(len(server.streams))
    assert opened[0] <= 6
    assert opened[3] - opened[1] <= 2
    store.close()


def test_the_pause_after_a_failure_is_at_random_longer_by_up_to_a_half(server: Listening) -> None:
    """Processes that failed together do not try again together."""
    server.on_stream = lambda stream: stream.end()
    pauses = []
    for chance in (0.0, 0.999):
        runtime = SteppedRuntime(chance)
        store = cloud_store(server, runtime)
        listener = store._listener
        listener.wait([PREFIX + "a/1"], LONG_S)
        await_true(lambda: not listener._streams)  # noqa: B023 - called at once
        pauses.append(listener._off_until_s)
        store.close()
    assert pauses == pytest.approx([1.0, 1.5], rel=0.01)


def test_a_refusal_lets_waits_poll_for_ten_minutes_and_is_logged_once(
    server: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    server.on_target = lambda target: target.change(REMOVE, StatusCode.PERMISSION_DENIED)
    runtime = SteppedRuntime()
    store = cloud_store(server, runtime)
    for streams in (1, 2):
        until_s = runtime.ahead_s + 599
        while runtime.ahead_s < until_s:
            store.wait_for(["a/1"], 20.0)
        assert len(server.streams) == streams
        runtime.ahead_s += 20
    server.on_target = server.attach
    assert store.wait_for(["a/1"], 0.2) is False
    assert len(server.streams) == 3
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        "Waits poll Firestore for the next 10 minutes: it refuses Listen (PERMISSION_DENIED: as told)"
    )
    store.close()


def test_what_works_again_is_used_again_and_at_once_after_the_next_failure(server: Listening) -> None:
    """A target that is current ends the growth of the pauses."""
    server.on_stream = lambda stream: stream.end()
    runtime = SteppedRuntime()
    store = cloud_store(server, runtime)
    while len(server.streams) < 4:
        store.wait_for(["a/1"], 20.0)
    server.on_stream = lambda stream: None
    runtime.ahead_s += 90
    server.documents.add("a/1")
    looks = server.looks
    assert store.wait_for(["a/1"], LONG_S)
    assert server.looks == looks
    assert store._listener._pause_s == listen.FIRST_PAUSE_S
    store.close()


def test_waits_that_begin_together_try_one_stream_where_none_has_worked(
    server: Listening, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where each wait would have a stream of its own."""
    monkeypatch.setattr(listen, "FIRST_PAUSE_S", LONG_S)
    store = waits.store
    store._listener = listen.Listener(store._calls, store._runtime, 1)
    held = threading.Event()

    def fail(stream: Stream) -> None:
        held.wait(LONG_S)
        stream.end()

    server.on_stream = fail
    begun = [waits.begin(f"a/{n}") for n in range(10)]
    server.documents.update(f"a/{n}" for n in range(10))
    held.set()
    for wait in begun:
        told(wait)
    assert len(server.streams) == 1


def test_a_wait_that_was_not_told_is_found_out(server: Listening, caplog: pytest.LogCaptureFixture) -> None:
    """The document was created long before the wait ended: waits poll from then on."""
    server.on_target = lambda target: target.change(CURRENT)
    runtime = SteppedRuntime()
    store = cloud_store(server, runtime)
    start_meter()
    store.get_many(["a/1", "a/2"])  # a store time before the wait
    wait_quietly(store, runtime, 0.2)
    store.get_many(["a/1", "a/2"])
    assert not caplog.records
    wait_quietly(store, runtime, 20.0)
    server.documents.add("a/2")  # which the fake says was created at 1 µs
    store.get_many(["a/1", "a/2"])
    [record] = caplog.records
    assert record.getMessage().endswith("a wait was not told of a/2")
    looks = server.looks
    assert store.wait_for(["a/2"], LONG_S)
    assert server.looks == looks + 1
    store.close()


def test_what_was_created_in_the_last_two_seconds_of_a_wait_was_not_missed() -> None:
    """The next request finds it; the times of a wait and of a commit are not of one clock."""
    quiet = QuietWaits()
    for created_s, missed in ((37.9, "a/1"), (38.1, None)):
        quiet.remember(["a/1"], 20_000_000, 20.0)
        assert quiet.missed([Doc("a/1", {}, round(created_s * 1_000_000), 0)]) == missed


def test_no_wait_of_many_races_is_lost(server: Listening, waits: Waits) -> None:
    """Documents that are created while waits for them attach."""
    for round_ in range(60):
        begun = [waits.begin(f"{round_}/{n}") for n in range(8)]
        for n in range(8):
            server.create(f"{round_}/{n}")
        for wait in begun:
            assert told(wait) <= 2
    assert server.looks == 0


def test_streams_that_are_killed_again_and_again_lose_no_wait(server: Listening, waits: Waits) -> None:
    """No wait attaches more than three times; it polls then."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.05):
            for stream in [*server.streams]:
                stream.end()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for round_ in range(8):
            begun = [waits.begin(f"{round_}/{n}") for n in range(8)]
            over.wait(0.2)
            for n in range(8):
                server.create(f"{round_}/{n}")
            for wait in begun:
                told(wait)
    finally:
        over.set()
        killer.join()
    asked: dict[str, int] = {}
    for path in server.asked:
        asked[path] = asked.get(path, 0) + 1
    assert max(asked.values()) <= 3
