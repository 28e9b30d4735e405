"""What a store keeps, and what it hands back."""

from __future__ import annotations

import pytest

from pubsubservice.storage.port import MAX_DOCUMENT_BYTES, Refused, Store

LOG = "topics/orders/logs/0/batches"


def test_every_type_of_field_comes_back_as_it_was(store: Store) -> None:
    """Bytes stay bytes, text stays text, a bool is no number, and 64 bits are kept."""
    data = {
        "bytes": bytes(range(256)),
        "empty": b"",
        "text": "Zürich \u2603 \U0001f600 \x00",
        "none": None,
        "yes": True,
        "no": False,
        "zero": 0,
        "large": 2**63 - 1,
        "small": -(2**63),
        "a name/with.dots`": "x",
    }
    store.create("topics/orders", data)
    [doc] = store.get_many(["topics/orders"]).docs
    assert doc is not None
    assert doc.data == data
    assert {name: type(value) for name, value in doc.data.items()} == {
        name: type(value) for name, value in data.items()
    }


def test_a_document_without_fields_exists(store: Store) -> None:
    created = store.create("topics/orders", {})
    assert store.get_many(["topics/orders"]).docs == [("topics/orders", {}, created, created)]


def test_documents_come_in_the_order_they_were_asked_for(store: Store) -> None:
    """Missing ones as None, repeated ones repeated."""
    for name in ("a", "b"):
        store.create(f"topics/{name}", {"name": name})
    reads = store.get_many(["topics/b", "topics/x", "topics/a", "topics/b"])
    assert [doc and doc.data["name"] for doc in reads.docs] == ["b", None, "a", "b"]
    assert len(reads.times) == 4
    assert reads.time == min(reads.times)


def test_a_document_below_a_missing_one_exists_alone(store: Store) -> None:
    store.create(f"{LOG}/1", {})
    assert store.get_many(["topics/orders", f"{LOG}/1"]).docs[0] is None


def test_a_mask_limits_the_fields_that_come_back(store: Store) -> None:
    """A field that is not there is left out; an empty mask asks for none."""
    created = store.create(f"{LOG}/1", {"blob": b"x" * 1000, "count": 3, "first": 7})
    assert store.get_many([f"{LOG}/1"], fields=["count", "absent"]).docs == [
        (f"{LOG}/1", {"count": 3}, created, created)
    ]
    assert store.get_many([f"{LOG}/1"], fields=[]).docs == [(f"{LOG}/1", {}, created, created)]
    assert store.list(LOG, fields=["first"]).docs == [(f"{LOG}/1", {"first": 7}, created, created)]


def test_an_update_replaces_the_whole_document(store: Store) -> None:
    created = store.create("topics/orders", {"a": 1, "b": 2})
    store.update("topics/orders", {"b": 3}, created)
    [doc] = store.get_many(["topics/orders"]).docs
    assert doc is not None
    assert doc.data == {"b": 3}


def test_the_largest_document_that_the_service_makes_is_kept(store: Store) -> None:
    blob = bytes(range(250)) * (MAX_DOCUMENT_BYTES // 250)
    created = store.create(f"{LOG}/1", {"blob": blob, "count": 1})
    store.update(f"{LOG}/1", {"blob": blob[::-1], "count": 2}, created)
    [doc] = store.get_many([f"{LOG}/1"]).docs
    assert doc is not None
    assert doc.data["blob"] == blob[::-1]


def test_a_document_over_one_mebibyte_is_refused_and_not_stored(store: Store) -> None:
    """The same bound on both stores: what a laptop takes, the cloud takes."""
    blob = b"x" * 600_000
    created = store.create(f"{LOG}/1", {"blob": blob})
    with pytest.raises(Refused) as refused:
        store.create(f"{LOG}/2", {"blob": blob, "hashes": blob})
    assert not refused.value.busy
    with pytest.raises(Refused):
        store.update(f"{LOG}/1", {"blob": blob, "hashes": blob}, created)
    assert store.list(LOG).docs == [(f"{LOG}/1", {"blob": blob}, created, created)]


@pytest.mark.parametrize("spare", [0, 1])
def test_the_bound_is_the_same_to_the_byte(store: Store, spare: int) -> None:
    """1 MiB holds the path's segments + 1 each, 48, each field's name + 1 and value, and the revision's 18."""
    other = 48 + sum(len(part) + 1 for part in f"{LOG}/1".split("/")) + 2 * 2 + 18
    data = {"a": b"x" * 500_000, "b": b"x" * (1_048_576 - 500_000 - other + spare)}
    if spare:
        with pytest.raises(Refused):
            store.create(f"{LOG}/1", data)
    else:
        store.create(f"{LOG}/1", data)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "\ud800", 1.5, [1]])
def test_a_value_that_cannot_be_kept_exactly_is_refused(store: Store, value: object) -> None:
    with pytest.raises(Refused):
        store.create("topics/orders", {"value": value})  # type: ignore[dict-item]
    assert store.get_many(["topics/orders"]).docs == [None]


@pytest.mark.parametrize("name", ["a b", "é", "%2F", "x" * 1500, "~.-_+", "..a", "__a", "0"])
def test_an_id_may_hold_anything_but_a_slash(store: Store, name: str) -> None:
    created = store.create(f"topics/{name}", {"n": 1})
    assert store.get_many([f"topics/{name}"]).docs == [(f"topics/{name}", {"n": 1}, created, created)]
    assert [doc.path for doc in store.list("topics").docs] == [f"topics/{name}"]


@pytest.mark.parametrize("path", ["topics/" + "x" * 1501, "topics/.", "topics/..", "topics/__x__", "topics"])
def test_a_path_that_is_none_is_refused(store: Store, path: str) -> None:
    with pytest.raises(Refused):
        store.create(path, {})


def test_a_page_holds_documents_in_id_order(store: Store) -> None:
    """By the bytes of UTF-8: the order in which a log's ids count down."""
    names = ["000000000010", "000000000009", "B", "a", "é", "\uffee", "\U0001f600"]
    for name in reversed(names):
        store.create(f"{LOG}/{name}", {})
    ordered = sorted(names, key=lambda name: name.encode())
    assert [doc.path.rpartition("/")[2] for doc in store.list(LOG).docs] == ordered


def test_pages_follow_each_other_without_gap_or_overlap(store: Store) -> None:
    for n in range(7):
        store.create(f"{LOG}/{n}", {"n": n})
    after, seen = None, []
    while page := store.list(LOG, after, limit=3).docs:
        assert len(page) <= 3
        seen += [doc.data["n"] for doc in page]
        after = page[-1].path.rpartition("/")[2]
    assert seen == list(range(7))


def test_a_page_may_begin_after_an_id_that_is_not_there(store: Store) -> None:
    for n in (1, 3, 5):
        store.create(f"{LOG}/{n}", {})
    assert [doc.path for doc in store.list(LOG, after="2").docs] == [f"{LOG}/3", f"{LOG}/5"]


def test_a_collection_holds_neither_its_neighbours_nor_what_is_below(store: Store) -> None:
    for path in ("topics/a", "topics/a/logs/0", f"{LOG}/1", "topics/b/logs/0", "topic/a", "topicsx/a"):
        store.create(path, {})
    assert [doc.path for doc in store.list("topics").docs] == ["topics/a"]
    assert [doc.path for doc in store.list("topics/a/logs").docs] == ["topics/a/logs/0"]


def test_an_empty_collection_has_a_page_with_a_read_time(store: Store) -> None:
    created = store.create("topics/a", {})
    page = store.list("topics/a/logs")
    assert page.docs == []
    assert page.time >= created
