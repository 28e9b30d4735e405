"""What each answer of Firestore means in the port's words, and what is tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable

import grpc
import pytest
from grpc import StatusCode

from pubsubservice.core.meter import start_meter
from pubsubservice.storage.firestore import rpc as firestore_calls
from pubsubservice.storage.firestore.store import FirestoreStore
from pubsubservice.storage.port import Changed, Exists, Refused, StoreError, Unknown
from unit.google.fakes import FakeFirestore, QuickRuntime, Reply, committed, found

FAILURES = [code for code in StatusCode if code is not StatusCode.OK]
CREATE = {
    StatusCode.ALREADY_EXISTS: Exists,
    StatusCode.FAILED_PRECONDITION: Refused,
    StatusCode.NOT_FOUND: Refused,
    StatusCode.INVALID_ARGUMENT: Refused,
    StatusCode.PERMISSION_DENIED: Refused,
}
UPDATE = {**CREATE, StatusCode.FAILED_PRECONDITION: Changed, StatusCode.NOT_FOUND: Changed}


def error_of(call: Callable[[], object]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        call()
    assert isinstance(caught.value.__cause__, grpc.RpcError)
    return caught.value


@pytest.mark.parametrize("code", FAILURES, ids=lambda code: code.name)
def test_a_failed_create_means_what_its_exact_code_says(
    store: FirestoreStore, server: FakeFirestore, code: StatusCode
) -> None:
    server.script.append(Reply(code=code))
    error = error_of(lambda: store.create("a/b", {}))
    assert type(error) is CREATE.get(code, Unknown)
    assert str(error) == f"{code.name}: as told"


@pytest.mark.parametrize("code", FAILURES, ids=lambda code: code.name)
def test_a_failed_update_means_what_its_exact_code_says(
    store: FirestoreStore, server: FakeFirestore, code: StatusCode
) -> None:
    server.script.append(Reply(code=code))
    assert type(error_of(lambda: store.update("a/b", {}, 1))) is UPDATE.get(code, Unknown)


@pytest.mark.parametrize("code", FAILURES, ids=lambda code: code.name)
def test_no_write_is_ever_sent_twice(store: FirestoreStore, server: FakeFirestore, code: StatusCode) -> None:
    server.script.extend([Reply(code=code), Reply([committed(5)])])
    error_of(lambda: store.create("a/b", {}))
    assert len(server.asked) == 1


def test_a_write_without_an_answer_in_time_is_unknown(
    store: FirestoreStore, server: FakeFirestore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firestore_calls, "COMMIT_TIMEOUT_S", 0.1)
    done = threading.Event()
    server.script.append(Reply([committed(5)], after=done))
    error = error_of(lambda: store.create("a/b", {}))
    done.set()
    assert type(error) is Unknown
    assert str(error).startswith("DEADLINE_EXCEEDED")


def test_a_write_to_nobody_is_unknown(runtime: QuickRuntime) -> None:
    store = FirestoreStore("demo-unit", emulator="127.0.0.1:1", runtime=runtime)
    assert type(error_of(lambda: store.create("a/b", {}))) is Unknown
    store.close()


@pytest.mark.parametrize("code", FAILURES, ids=lambda code: code.name)
def test_a_read_is_tried_again_unless_it_must_fail_again(
    store: FirestoreStore, server: FakeFirestore, code: StatusCode
) -> None:
    final = {*CREATE, StatusCode.UNAUTHENTICATED, StatusCode.UNIMPLEMENTED}
    server.script.extend([Reply(code=code), Reply([found("a/b", 7)])])
    if code in final:
        assert type(error_of(lambda: store.get_many(["a/b"]))) in (Exists, Refused, Unknown)
        assert len(server.asked) == 1
    else:
        assert store.get_many(["a/b"]).time == 7
        assert len(server.asked) == 2


def test_an_error_in_mid_stream_discards_what_came_before_it_but_not_its_bill(
    store: FirestoreStore, server: FakeFirestore
) -> None:
    server.script.append(Reply([found("a/1", 3)], StatusCode.UNAVAILABLE))
    server.script.append(Reply([found("a/2", 8), found("a/1", 8)]))
    meter = start_meter()
    reads = store.get_many(["a/1", "a/2"])
    assert reads.times == [8, 8]
    assert [doc.path for doc in reads.docs if doc] == ["a/1", "a/2"]
    assert meter.reads == 3


def test_a_read_gives_up_after_some_tries_with_growing_pauses(
    store: FirestoreStore, server: FakeFirestore, runtime: QuickRuntime
) -> None:
    server.script.extend(Reply(code=StatusCode.UNAVAILABLE) for _ in range(9))
    assert type(error_of(lambda: store.list("a"))) is Unknown
    assert len(server.asked) == firestore_calls.READ_TRIES
    assert [0.1 * 2**n / 2 <= pause <= 0.1 * 2**n for n, pause in enumerate(runtime.pauses, 1)] == [True] * 3


def test_a_path_without_an_answer_is_an_error(store: FirestoreStore, server: FakeFirestore) -> None:
    server.script.append(Reply([found("a/1", 3)]))
    with pytest.raises(Unknown, match="the response to a look-up lacks a/2"):
        store.get_many(["a/1", "a/2"])
    server.script.append(Reply())
    with pytest.raises(Unknown, match="has no read time"):
        store.list("a")


def test_without_credentials_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    with pytest.raises(Refused, match="credentials"):
        FirestoreStore("demo-unit")
