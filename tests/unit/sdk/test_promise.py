"""The futures of a batch: small until somebody looks, and then like any future."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ALL_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from typing import Any

import pytest

from pubsubclient import Batch, Event, Publisher, Receipt
from unit.sdk.scripted import ScriptedService


def _published(batch: Batch, count: int = 3) -> list[Future[Receipt]]:
    return [batch.publish(Event("orders", id=f"{n}")) for n in range(count)]


def test_a_future_that_nobody_looks_at_keeps_nothing(publisher: Publisher) -> None:
    """It is one object, before and after the result."""
    with publisher.batch(max_delay=60) as batch:
        futures = _published(batch)
        assert [vars(future) for future in futures] == [{}] * 3
        assert all(isinstance(future, Future) for future in futures)
    assert [vars(future) for future in futures] == [{}] * 3


def test_all_of_a_future_is_added_later() -> None:
    """So no attribute of a future may be found without asking the promise."""
    assert not [name for name in vars(Future()) if hasattr(Future, name)]


@pytest.mark.parametrize("resolved", [False, True])
@pytest.mark.parametrize(
    "look",
    [
        lambda future: future.done(),
        lambda future: future.running(),
        lambda future: future.cancelled(),
        repr,
        lambda future: future.add_done_callback(lambda _: None),
        lambda future: wait([future], timeout=0),
        copy.copy,
    ],
    ids=["done", "running", "cancelled", "repr", "callback", "wait", "copy"],
)
def test_any_look_makes_it_whole(publisher: Publisher, look: Callable[[Any], Any], resolved: bool) -> None:
    """And it says what any future in its place says."""
    with publisher.batch(max_delay=60) as batch:
        _, future, _ = _published(batch)
        assert not resolved or batch.flush(20)
        look(future)
        assert future.done() is resolved
        assert not future.running()
        assert ("finished returned Receipt" if resolved else "pending") in repr(future)
        assert batch.flush(20)
        assert future.result(0).id == "1"
        assert future.result(0) is future.result(0)
        assert future.exception(0) is None


def test_many_are_waited_for(publisher: Publisher) -> None:
    """By the functions of concurrent.futures, before and after the results."""
    with publisher.batch() as batch:
        futures = _published(batch, 50)
        assert {future.result(0).id for future in as_completed(futures, 20)} == {f"{n}" for n in range(50)}
        assert wait(_published(batch, 50), 20, ALL_COMPLETED).not_done == set()


def test_a_coroutine_awaits_it(publisher: Publisher) -> None:
    """As asyncio wraps futures of threads."""

    async def publish() -> list[str]:
        receipts = await asyncio.gather(*map(asyncio.wrap_future, _published(batch)))
        return [receipt.id for receipt in receipts]

    with publisher.batch() as batch:
        assert asyncio.run(publish()) == ["0", "1", "2"]


def test_it_takes_attributes_of_the_program(publisher: Publisher) -> None:
    """Before and after it is whole."""
    with publisher.batch() as batch:
        future: Any = batch.publish("orders")
        future.order = 17
        assert future.result(20)
        future.customer = 4
        assert (future.order, future.customer) == (17, 4)
        with pytest.raises(AttributeError, match="'Promise' object has no attribute 'missing'"):
            _ = future.missing


def test_threads_that_look_at_once_see_one_future(publisher: Publisher) -> None:
    """Each gets the receipt."""
    with publisher.batch() as batch:
        for _ in range(50):
            future = batch.publish("orders")
            with ThreadPoolExecutor(4) as pool:
                got = list(pool.map(lambda looked: looked.result(20), [future] * 4))
            assert got == [future.result(0)] * 4


def test_a_copy_of_a_small_one_is_resolved_too(publisher: Publisher) -> None:
    """Both ask for the same event."""
    with publisher.batch(max_delay=60) as batch:
        future = batch.publish("orders")
        copied = copy.copy(future)
        assert not copied.done()
        assert batch.flush(20)
        assert copied.result(0) == future.result(0)


def test_it_is_not_pickled(publisher: Publisher) -> None:
    """Like any future."""
    with publisher.batch() as batch:
        future = batch.publish("orders")
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(future)


def test_a_cancelled_one_stays_cancelled(server: ScriptedService, publisher: Publisher) -> None:
    """Its event is not sent, and the others keep their receipts."""
    with publisher.batch(max_delay=60) as batch:
        futures = _published(batch)
        assert futures[1].cancel()
        assert batch.flush(20)
        assert futures[1].cancelled()
        assert not futures[0].cancel()
        assert [futures[0].result(0).id, futures[2].result(0).id] == ["0", "2"]
    assert [event["id"] for event in server.calls("publish")[0]["events"]] == ["0", "2"]
