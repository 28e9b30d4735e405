"""What is billed where the cloud and the emulator differ, and where reading is polling."""

from __future__ import annotations

from grpc import StatusCode

from pubsubservice.core.meter import start_meter
from pubsubservice.storage.firestore.documents import to_micros
from pubsubservice.storage.firestore.store import FirestoreStore
from unit.google.fakes import FakeFirestore, QuickRuntime, Reply, found, missing


def test_the_emulators_second_look_corrects_the_first_and_is_not_billed(
    store: FirestoreStore, server: FakeFirestore
) -> None:
    server.script.append(Reply([found("a/1", 7), missing("a/2", 7), missing("a/3", 7)]))
    server.script.append(Reply(code=StatusCode.FAILED_PRECONDITION))
    server.script.append(Reply([found("a/2", 7), missing("a/3", 7)]))
    meter = start_meter()
    reads = store.get_many(["a/1", "a/2", "a/3"])
    assert [doc and doc.path for doc in reads.docs] == ["a/1", "a/2", None]
    assert reads.times == [7, 7, 7]
    assert (meter.reads, meter.writes) == (3, 0)
    first, locking, second = server.asked
    assert list(second.documents) == list(first.documents)[1:]
    assert to_micros(second.read_time) == 7
    assert [write.update.name for write in locking.writes] == list(second.documents)
    assert {to_micros(write.current_document.update_time) for write in locking.writes} == {1_000_000}


def test_where_nothing_is_missing_there_is_no_second_look(store: FirestoreStore, server: FakeFirestore) -> None:
    server.script.append(Reply([found("a/1", 7)]))
    store.get_many(["a/1"])
    assert len(server.asked) == 1


def test_waiting_looks_ever_less_often_and_each_look_is_billed(
    store: FirestoreStore, server: FakeFirestore, runtime: QuickRuntime
) -> None:
    server.script.extend(Reply([missing("a/1", 7), missing("a/2", 7)]) for _ in range(100))
    meter = start_meter()
    store.wait_for(["a/1", "a/2"], 20.0)
    looks = len(server.asked)
    assert meter.reads == 2 * looks
    assert 20 <= looks <= 45
    assert 0.05 <= runtime.pauses[0] <= 0.1
    assert max(runtime.pauses) <= 1.0
    assert sum(runtime.pauses) <= 20.0
    assert all(list(request.mask.field_paths) == ["__name__"] for request in server.asked)


def test_waiting_ends_when_one_is_there(store: FirestoreStore, server: FakeFirestore) -> None:
    server.script.append(Reply([missing("a/1", 7), missing("a/2", 7)]))
    server.script.append(Reply([missing("a/1", 8), found("a/2", 8)]))
    meter = start_meter()
    store.wait_for(["a/1", "a/2"], 20.0)
    assert len(server.asked) == 2
    assert meter.reads == 4


def test_waiting_leaves_an_error_to_the_callers_own_read(store: FirestoreStore, server: FakeFirestore) -> None:
    server.script.append(Reply(code=StatusCode.PERMISSION_DENIED))
    store.wait_for(["a/1"], 20.0)
    assert len(server.asked) == 1


def test_no_time_to_wait_is_no_look(store: FirestoreStore, server: FakeFirestore) -> None:
    store.wait_for(["a/1"], 0.0)
    assert not server.asked
