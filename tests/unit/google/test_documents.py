"""Times, sizes, values and what is asked of Firestore, to the byte."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from pubsubservice.storage.firestore.documents import (
    MAX_MESSAGE_BYTES,
    MAX_STORED_BYTES,
    field_path,
    put_document,
    stored_bytes,
    to_micros,
    to_timestamp,
)
from pubsubservice.storage.firestore.store import FirestoreStore
from pubsubservice.storage.port import Refused
from unit.google.fakes import PREFIX, FakeFirestore, Reply, RunQueryResponse, committed, found

TASK = {"type": "Personal", "done": False, "priority": 1, "description": "Learn Cloud Firestore"}


@pytest.mark.parametrize(
    ("seconds", "nanos", "micros"),
    [
        (0, 0, 0),
        (0, 999, 0),
        (1_795_501_478, 411_000, 1_795_501_478_000_411),
        (1_795_501_478, 999_999_999, 1_795_501_478_999_999),
        (253_402_300_799, 999_999_000, 253_402_300_799_999_999),
    ],
)
def test_times_are_whole_microseconds_cut_off_and_never_rounded(seconds: int, nanos: int, micros: int) -> None:
    assert to_micros(Timestamp(seconds=seconds, nanos=nanos)) == micros
    assert to_micros(to_timestamp(micros)) == micros


def test_the_condition_of_an_update_is_sent_exactly_even_for_time_zero(
    store: FirestoreStore, server: FakeFirestore
) -> None:
    for condition in (0, 1_795_501_478_000_411):
        server.script.append(Reply([committed(9)]))
        assert store.update("a/b", {}, condition) == 9
        [write] = server.asked[-1].writes
        assert write.current_document.WhichOneof("condition_type") == "update_time"
        assert to_micros(write.current_document.update_time) == condition


def test_two_equal_updates_are_different_writes(store: FirestoreStore, server: FakeFirestore) -> None:
    for _ in range(2):
        server.script.append(Reply([committed(9)]))
        store.update("a/b", {"n": 1}, 1)
    first, second = (request.writes[0].update for request in server.asked)
    assert first != second
    assert first.fields["n"] == second.fields["n"]


def test_a_create_asks_for_absence(store: FirestoreStore, server: FakeFirestore) -> None:
    server.script.append(Reply([committed(9)]))
    store.create("a/b", {"n": 1})
    [write] = server.asked[-1].writes
    assert write.update.name == f"{PREFIX}a/b"
    assert dict(write.update.fields) == {"n": write.update.fields["n"]}
    assert write.current_document.WhichOneof("condition_type") == "exists"
    assert write.current_document.exists is False


@pytest.mark.parametrize(
    ("path", "data", "size"),
    [
        # the example of https://firebase.google.com/docs/firestore/storage-size, plus our revision field (10 + 8)
        ("users/jeff/tasks/my_task_id", TASK, 147 + 18),
        ("c/d", {"é": b"12", "n": None}, 16 + 4 + 32 + (3 + 2) + (2 + 1) + 18),
    ],
)  # fmt: skip
def test_sizes_are_counted_as_the_documentation_says(path: str, data: Mapping[str, Any], size: int) -> None:
    assert stored_bytes(path, data) == size


def test_a_document_too_large_is_refused_before_it_is_sent(store: FirestoreStore, server: FakeFirestore) -> None:
    room = MAX_STORED_BYTES - (16 + 4 + 32 + 2 + 18)
    with pytest.raises(Refused, match=f"would take {MAX_STORED_BYTES + 1} bytes"):
        store.create("a/b", {"b": b"x" * (room + 1)})
    with pytest.raises(Refused, match="would take"):
        store.update("a/b", {"b": b"x" * (room + 1)}, 1)
    assert not server.asked
    server.script.append(Reply([committed(9)]))
    assert store.create("a/b", {"b": b"x" * room}) == 9


def test_a_request_too_large_is_refused_before_it_is_sent(store: FirestoreStore, server: FakeFirestore) -> None:
    ids = [f"a/{n}{'x' * 1400}" for n in range(MAX_MESSAGE_BYTES // 1400)]
    with pytest.raises(Refused, match="a request message has at most"):
        store.get_many(ids)
    assert not server.asked


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "\ud800", 1.5, [1], {"a": 1}])
def test_what_a_field_cannot_hold_is_refused(value: Any) -> None:
    from google.cloud.firestore_v1 import types

    with pytest.raises(Refused, match="a/b cannot be stored"):
        put_document(types.Document.pb()(), PREFIX, "a/b", {"v": value})


def test_field_names_are_quoted_where_a_mask_wants_it(store: FirestoreStore, server: FakeFirestore) -> None:
    assert [field_path(name) for name in ("a_1", "1a", "a-b", "a`b\\c")] == [
        "a_1",
        "`1a`",
        "`a-b`",
        "`a\\`b\\\\c`",
    ]
    server.script.append(Reply([found("a/b", 7)]))
    store.get_many(["a/b"], fields=["n", "a.b"])
    assert list(server.asked[-1].mask.field_paths) == ["n", "`a.b`"]


def test_no_fields_are_not_all_fields(store: FirestoreStore, server: FakeFirestore) -> None:
    server.script.append(Reply([found("a/b", 7)]))
    store.get_many(["a/b"], fields=[])
    assert list(server.asked[-1].mask.field_paths) == ["__name__"]


def test_a_page_is_a_query_in_id_order(store: FirestoreStore, server: FakeFirestore) -> None:
    answer = RunQueryResponse()
    answer.read_time.CopyFrom(to_timestamp(7))
    server.script.extend([Reply([answer]), Reply([answer])])
    assert store.list("a/b/c", after="5", limit=3, fields=["n"]) == ([], 7)
    first, second = server.asked
    assert first.parent == f"{PREFIX}a/b"
    query = first.structured_query
    assert [source.collection_id for source in query.from_] == ["c"]
    assert [(order.field.field_path, order.direction) for order in query.order_by] == [("__name__", 1)]
    assert query.start_at.values[0].reference_value == f"{PREFIX}a/b/c/5"
    assert query.start_at.before is False
    assert query.limit.value == 3
    assert [field.field_path for field in query.select.fields] == ["n"]
    assert to_micros(second.read_time) == 7


def test_deletes_go_out_once_each_in_commits_of_500(store: FirestoreStore, server: FakeFirestore) -> None:
    server.script.extend(Reply([committed(9)]) for _ in range(3))
    store.delete([f"a/{n}" for n in range(1001)] + ["a/0"])
    assert [len(request.writes) for request in server.asked] == [500, 500, 1]
