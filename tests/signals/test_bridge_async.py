"""Async receivers of bridged signals, over a real service: an event is settled by what comes of the coroutine."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any as Untyped

import pytest

from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubclient import Publisher, Subscriber, dispatcher
from pubsubclient.bridge import Bridge
from pubsubclient.dispatcher import AsyncReceiverError
from pubsubclient.signals import Signal


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An emulator of this module."""
    store = EphemeralStore()
    with Emulator(store) as emulator:
        yield emulator.url
    store.close()


@pytest.fixture
def subscribed(url: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., Subscriber]]:
    """Makes a subscriber of this test's own to a topic, in which the numbers 0, 1 … are published."""
    made: list[Subscriber] = []

    def make(topic: str, numbers: int, **options: Untyped) -> Subscriber:
        subscriber = Subscriber(request.node.name.replace("[", "-").replace("]", ""), service=url)
        subscriber.subscribe(topic, backoff=0, **options)
        made.append(subscriber)
        publisher = Publisher("numbers", service=url)
        for n in range(numbers):
            publisher.publish(topic, {"n": n})
        return subscriber

    yield make
    for subscriber in made:
        subscriber.close()


def test_async_receivers_are_awaited_beside_others(subscribed: Callable[..., Subscriber]) -> None:
    """In the order of connecting, all on one event loop."""
    subscriber, heard, loops = subscribed("mixed", 3), [], set()

    async def waits(n: int) -> None:
        loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        heard.append(("waits", n))

    def plain(n: int) -> None:
        heard.append(("plain", n))

    with dispatcher.connect(waits, "mixed"), dispatcher.connect(plain, "mixed"):
        assert Bridge(subscriber=subscriber).listen(wait=0) == 3
    assert heard == [(name, n) for n in range(3) for name in ("waits", "plain")]
    (loop,) = loops
    assert loop.is_closed()
    assert subscriber.get_events() == []


def test_signal_objects_partials_and_methods_may_be_async(subscribed: Callable[..., Subscriber]) -> None:
    """Whatever gives a coroutine."""
    subscriber, heard = subscribed("kinds", 1), []
    kinds: Signal[..., object] = Signal(name="kinds")

    class Owner:
        async def method(self, n: int) -> None:
            heard.append(("method", n))

        async def __call__(self, n: int) -> None:
            heard.append(("call", n))

    async def function(name: str, n: int) -> None:
        heard.append((name, n))

    owner, partial = Owner(), functools.partial(function, "partial")
    for receiver in (owner.method, owner, partial):
        kinds.connect(receiver)
    assert Bridge(subscriber=subscriber).listen(wait=0, signals=[kinds]) == 1
    assert heard == [("method", 0), ("call", 0), ("partial", 0)]


def test_an_event_whose_coroutine_fails_comes_again(
    subscribed: Callable[..., Subscriber], caplog: pytest.LogCaptureFixture
) -> None:
    """It is acknowledged when the coroutine has returned, and not before; others are not held up."""
    subscriber, tried = subscribed("fragile", 3), []

    async def fragile(n: int) -> None:
        await asyncio.sleep(0.01)
        tried.append(n)
        if n == 1 and tried.count(1) == 1:
            raise ValueError("not yet")
        if n == 2 and tried.count(2) == 1:
            raise asyncio.CancelledError

    with dispatcher.connect(fragile, "fragile"), caplog.at_level(logging.ERROR):
        assert Bridge(subscriber=subscriber).listen(wait=0.5) == 3
    assert sorted(tried) == [0, 1, 1, 2, 2]
    assert "not yet" in caplog.text
    assert subscriber.get_events() == []


def test_what_a_plain_receiver_gives_to_be_awaited_is_awaited(subscribed: Callable[..., Subscriber]) -> None:
    """The event is settled by it, too."""
    subscriber, tried = subscribed("returned", 2), []

    async def work(name: str, n: int) -> None:
        await asyncio.sleep(0)
        tried.append((name, n))
        if tried.count((name, n)) == 1 and name == "first" and n == 1:
            raise ValueError("not yet")

    first = functools.partial(lambda n: work("first", n))
    second = functools.partial(lambda n: work("second", n))
    with dispatcher.connect(first, "returned"), dispatcher.connect(second, "returned"):
        assert Bridge(subscriber=subscriber).listen(wait=0.5) == 2
    assert sorted(tried) == [("first", 0), ("first", 1), ("first", 1), ("second", 0), ("second", 1)]


def test_what_a_receiver_has_started_and_not_awaited_is_cancelled_in_the_end(
    subscribed: Callable[..., Subscriber],
) -> None:
    """It had its chance while others were awaited."""
    subscriber, said, kept = subscribed("started", 2), [], []

    async def background() -> None:
        said.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            said.append("ended")

    async def starts(n: int) -> None:
        kept.append(asyncio.create_task(background()))
        await asyncio.sleep(0)

    with dispatcher.connect(starts, "started"):
        assert Bridge(subscriber=subscriber).listen(wait=0) == 2
    assert sorted(said) == ["begun", "begun", "ended", "ended"]


@pytest.mark.parametrize("kind", ["async", "returned"])
def test_inside_an_event_loop_listen_says_where_to_call_it(
    url: str, subscribed: Callable[..., Subscriber], kind: str
) -> None:
    """The event is given back; plain receivers are called as ever."""
    topic, heard = f"inside-{kind}", []
    subscriber = subscribed(topic, 1)

    async def waits(n: int) -> None:
        heard.append(n)

    def returns(n: int) -> object:
        return waits(n)

    bridge = Bridge(subscriber=subscriber)

    async def program() -> None:
        with dispatcher.connect(waits if kind == "async" else returns, topic):
            with pytest.raises(AsyncReceiverError, match=r"await asyncio\.to_thread\(bridge\.listen\)"):
                bridge.listen(wait=0)
            assert heard == []
            assert await asyncio.to_thread(bridge.listen, wait=0.5) == 1
        assert heard == [0]

    asyncio.run(program())

    async def plain_program() -> int:
        return bridge.listen(wait=0)

    def plain(n: int) -> None:
        heard.append(n)

    Publisher("numbers", service=url).publish(topic, {"n": 5})
    with dispatcher.connect(plain, topic):
        assert asyncio.run(plain_program()) == 1
    assert heard == [0, 5]


def test_threads_that_listen_have_a_loop_each(subscribed: Callable[..., Subscriber]) -> None:
    """A coroutine of one thread waits for that of the other."""
    subscriber, meeting, met = subscribed("threads", 2), threading.Barrier(2, timeout=30), []

    async def meets(n: int) -> None:
        await asyncio.to_thread(meeting.wait)
        met.append(n)

    with dispatcher.connect(meets, "threads"):
        bridge = Bridge(subscriber=subscriber)
        threads = [threading.Thread(target=bridge.listen, kwargs={"wait": 0.5, "max_events": 1}) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(met) == [0, 1]


def test_an_interrupt_ends_listening_and_the_coroutine(subscribed: Callable[..., Subscriber]) -> None:
    """What the coroutine holds it can give back; the event is not acknowledged."""
    subscriber, said = subscribed("interrupted", 1, ack_deadline=1), []

    async def interrupted(n: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(interrupt)
        try:
            await asyncio.Event().wait()
        finally:
            said.append("given back")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with dispatcher.connect(interrupted, "interrupted"), pytest.raises(KeyboardInterrupt):
        Bridge(subscriber=subscriber).listen(wait=0)
    assert said == ["given back"]
    (event,) = subscriber.get_events(wait=10)
    assert event.data == {"n": 0}
    event.ack()
