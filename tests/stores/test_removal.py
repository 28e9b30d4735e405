"""Names that are removed and registered again, on every store: what several processes, and older versions, left behind."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pubsubservice.core.ownership import Caller, set_caller
from pubsubservice.core.problems import Forbidden, Unavailable
from pubsubservice.delivery.request import GetEvents
from pubsubservice.events.validate import identity_of
from pubsubservice.log.batch import Batch
from pubsubservice.storage.paths import batches, publisher_path, subscriber_path
from pubsubservice.storage.port import Store
from pubsubservice.subscribers.leases import Settlement, Settlements
from stores.losing import LosesAnswers
from stores.services import Calls, until


def _remove(calls: Calls, kind: str = "subscriber", name: str = "S") -> None:
    time = calls.store.get_many([subscriber_path("S")]).time
    calls.service.removal.remove(kind, name, f"{time}-now")


def _fail(calls: Calls) -> None:
    """Everything that there is fails for the last time."""
    while (answer := calls.get()).slices:
        calls.service.delivery.get_events(_nack(answer.lease))


def _nack(lease: str | None) -> GetEvents:
    return GetEvents("S", Settlements(nack=[Settlement(str(lease), dead=True)]), max_events=0)


def _letter_ids(store: Store, topic: str = "S.dead") -> list[str]:
    docs = reversed(store.list(batches(topic, 0)).docs)
    return [identity_of(line)[1] for doc in docs for line in Batch(doc).lines()]


def test_a_removal_without_an_answer_is_tried_again(store: Store) -> None:
    """Whether it was done or not, and whoever registered the name since."""
    calls = Calls(store)
    for applies in (True, False):
        calls.service.subscriptions.register("S")
        calls.service.removal._store = LosesAnswers(store, applies=applies)
        if applies:
            _remove(calls)
        else:
            with pytest.raises(Unavailable):
                _remove(calls)
        calls.service.removal._store = store
        assert (store.get_many([subscriber_path("S")]).docs[0] is None) == applies


def test_a_call_that_stood_still_takes_no_deaths_of_a_later_life(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have the numbers of those that it has published."""
    calls, late = Calls(store), Calls(store)
    calls.subscribe("orders", max_attempts=1)
    calls.publish("orders")
    append = late.service.delivery._dead_letters._append

    def stand_still(*letters: Any) -> None:
        append(*letters)
        _remove(calls)
        calls.service.subscriptions.register("S")
        calls.subscribe("orders", max_attempts=1)
        monkeypatch.setattr(calls.service.delivery._dead_letters, "publish", lambda state: 0)
        _fail(calls)
        monkeypatch.undo()

    late.service.delivery._dead_letters._append = stand_still
    late.service.delivery.get_events(_nack(calls.get().lease))
    [dead] = calls.state().dead
    assert dead.death == 1
    calls.get(max_events=0)
    first, second = _letter_ids(store)
    assert first.rpartition("/")[0] == second.rpartition("/")[0] == "orders/0/0/1"
    assert first < second


def test_what_died_in_an_older_version_keeps_the_id_of_its_letter(store: Store) -> None:
    """So that it is found if that version had published it; what dies from now on has the new one."""
    calls = Calls(store)
    calls.subscribe("orders", max_attempts=1)
    calls.publish("orders")
    calls.service.delivery._dead_letters.publish = lambda state: 0  # type: ignore[method-assign]
    _fail(calls)
    [doc] = store.get_many([subscriber_path("S")]).docs
    assert doc is not None
    members = msgspec.msgpack.decode(bytes(doc.data["state"]))  # type: ignore[arg-type]
    [dead] = members[8]
    assert dead.pop() == doc.created
    store.update(doc.path, {**doc.data, "state": msgspec.msgpack.encode(members)}, doc.updated)
    del calls.service.delivery._dead_letters.publish
    calls.publish("orders")
    _fail(calls)
    assert _letter_ids(store) == ["orders/0/0/1", f"orders/0/1/2/{doc.created}"]


def test_a_process_trusts_what_it_knows_of_a_publisher_for_a_while(store: Store) -> None:
    """Then it registers one again that another process has removed, and refuses one that has another owner now."""
    alice, bob = Caller("alice"), Caller("bob")
    set_caller(alice)
    try:
        calls, other = Calls(store, safety_window_s=0.5), Calls(store)
        calls.publish("orders")
        _remove(other, "publisher", "P")
        calls.publish("orders")
        assert store.get_many([publisher_path("P")]).docs == [None]
        set_caller(bob)
        other.publish("stock")
        set_caller(alice)
        until(lambda: _is_refused(calls))
        assert store.get_many([publisher_path("P")]).docs[0].data["owner"] == "bob"  # type: ignore[union-attr]
        _remove(other, "publisher", "Q")
    finally:
        set_caller(None)


def _is_refused(calls: Calls) -> bool:
    try:
        calls.publish("orders")
    except Forbidden:
        return True
    return False
