"""After Unknown the caller reads, and what it reads settles the matter."""

from __future__ import annotations

import pytest

from pubsubservice.storage.port import Changed, Exists, Store, Unknown
from stores.losing import LosesAnswers

PATH = "topics/orders/logs/0/batches/1"


def test_a_create_that_was_applied_is_found_and_bars_the_next(store: Store) -> None:
    losing = LosesAnswers(store, applies=True)
    before = store.get_many([PATH]).time
    with pytest.raises(Unknown):
        losing.create(PATH, {"n": 1})
    with pytest.raises(Exists):
        store.create(PATH, {"n": 2})
    [doc] = losing.get_many([PATH]).docs
    assert doc is not None
    assert doc.data == {"n": 1}
    assert doc.created > before


def test_a_create_that_was_not_applied_leaves_the_path_free(store: Store) -> None:
    losing = LosesAnswers(store, applies=False)
    with pytest.raises(Unknown):
        losing.create(PATH, {"n": 1})
    assert losing.get_many([PATH]).docs == [None]
    store.create(PATH, {"n": 2})


def test_an_update_that_was_applied_spends_its_condition(store: Store) -> None:
    losing = LosesAnswers(store, applies=True)
    created = store.create(PATH, {"n": 1})
    with pytest.raises(Unknown):
        losing.update(PATH, {"n": 2}, created)
    with pytest.raises(Changed):
        store.update(PATH, {"n": 2}, created)
    [doc] = losing.get_many([PATH]).docs
    assert doc is not None
    assert doc.data == {"n": 2}
    store.update(PATH, {"n": 3}, doc.updated)


def test_an_update_that_was_not_applied_may_be_tried_again(store: Store) -> None:
    losing = LosesAnswers(store, applies=False)
    created = store.create(PATH, {"n": 1})
    with pytest.raises(Unknown):
        losing.update(PATH, {"n": 2}, created)
    store.update(PATH, {"n": 2}, created)


def test_a_delete_without_answer_is_simply_repeated(store: Store) -> None:
    for applies in (True, False):
        store.create(PATH, {})
        with pytest.raises(Unknown):
            LosesAnswers(store, applies=applies).delete([PATH])
        store.delete([PATH])
        assert store.get_many([PATH]).docs == [None]
