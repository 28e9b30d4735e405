"""Creating, updating and deleting: what is refused, and what the times promise."""

from __future__ import annotations

import pytest

from pubsubservice.storage.port import Changed, Exists, Store

PATH = "subscribers/billing"


def test_a_path_is_created_once(store: Store) -> None:
    created = store.create(PATH, {"n": 1})
    with pytest.raises(Exists):
        store.create(PATH, {"n": 2})
    assert store.get_many([PATH]).docs == [(PATH, {"n": 1}, created, created)]


def test_an_update_moves_the_update_time_and_not_the_creation(store: Store) -> None:
    created = store.create(PATH, {"n": 1})
    updated = store.update(PATH, {"n": 2}, created)
    assert updated > created
    assert store.get_many([PATH]).docs == [(PATH, {"n": 2}, created, updated)]


def test_a_stale_update_changes_nothing(store: Store) -> None:
    created = store.create(PATH, {"n": 1})
    updated = store.update(PATH, {"n": 2}, created)
    with pytest.raises(Changed):
        store.update(PATH, {"n": 3}, created)
    assert store.get_many([PATH]).docs == [(PATH, {"n": 2}, created, updated)]


def test_an_update_of_a_missing_document_makes_none(store: Store) -> None:
    created = store.create(PATH, {})
    store.delete([PATH])
    with pytest.raises(Changed):
        store.update(PATH, {"n": 1}, created)
    with pytest.raises(Changed):
        store.update("subscribers/never", {"n": 1}, created)
    assert store.get_many([PATH, "subscribers/never"]).docs == [None, None]


def test_an_update_with_the_same_content_has_a_new_time(store: Store) -> None:
    """Otherwise a second writer with the same condition would succeed as well."""
    created = store.create(PATH, {"n": 1})
    updated = store.update(PATH, {"n": 1}, created)
    assert updated > created
    with pytest.raises(Changed):
        store.update(PATH, {"n": 1}, created)
    assert store.update(PATH, {"n": 1}, updated) > updated


def test_a_document_is_removed_as_it_was_read(store: Store) -> None:
    created = store.create(PATH, {"n": 1})
    updated = store.update(PATH, {"n": 2}, created)
    with pytest.raises(Changed):
        store.remove(PATH, created)
    assert store.get_many([PATH]).docs == [(PATH, {"n": 2}, created, updated)]
    store.remove(PATH, updated)
    assert store.get_many([PATH]).docs == [None]
    with pytest.raises(Changed):
        store.remove(PATH, updated)


def test_a_removal_is_not_of_a_later_life(store: Store) -> None:
    """Whatever was removed at the path before."""
    created = store.create(PATH, {})
    store.remove(PATH, created)
    again = store.create(PATH, {})
    assert again > created
    with pytest.raises(Changed):
        store.remove(PATH, created)
    assert store.get_many([PATH]).docs == [(PATH, {}, again, again)]


def test_a_document_created_again_is_younger_than_its_earlier_life(store: Store) -> None:
    created = store.create(PATH, {"n": 1})
    updated = store.update(PATH, {"n": 2}, created)
    store.delete([PATH])
    again = store.create(PATH, {"n": 3})
    assert again > updated
    assert store.get_many([PATH]).docs == [(PATH, {"n": 3}, again, again)]


def test_an_update_meant_for_the_earlier_life_misses(store: Store) -> None:
    created = store.create(PATH, {"n": 1})
    store.delete([PATH])
    store.create(PATH, {"n": 1})
    with pytest.raises(Changed):
        store.update(PATH, {"n": 2}, created)


def test_a_delete_may_be_repeated(store: Store) -> None:
    """And may name what never was, or the same path twice."""
    for n in range(3):
        store.create(f"topics/{n}", {})
    for _ in range(2):
        store.delete(["topics/0", "topics/2", "topics/2", "topics/never"])
    assert [doc.path for doc in store.list("topics").docs] == ["topics/1"]
    store.delete([])


def test_deleting_a_document_leaves_what_is_below_it(store: Store) -> None:
    store.create("topics/a", {})
    store.create("topics/a/logs/0", {})
    store.delete(["topics/a"])
    assert store.get_many(["topics/a/logs/0"]).docs[0] is not None


def test_a_few_hundred_documents_are_deleted_in_one_call(store: Store) -> None:
    paths = [f"topics/orders/logs/0/batches/{n}" for n in range(600)]
    for path in paths[::3]:
        store.create(path, {})
    store.delete(paths)
    assert store.list("topics/orders/logs/0/batches").docs == []


def test_commit_times_rise_along_one_writer(store: Store) -> None:
    times = [store.create(f"topics/{n}", {}) for n in range(30)]
    assert times == sorted(set(times))
    assert [doc.created for doc in store.get_many([f"topics/{n}" for n in range(30)]).docs if doc] == times
