"""Tasks that are cancelled: control is back at once, and nothing stays leased."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from aio.gates import turns_until_done
from pubsubclient import Service
from pubsubclient.aio import Publisher, Subscriber
from unit.sdk.scripted import Reply, ScriptedService, event, lease


async def asked(scripted: ScriptedService, count: int) -> None:
    """Wait until the service was asked so often for events."""
    while len(scripted.calls("get_events")) < count:
        await asyncio.sleep(0.01)


async def until_waiting(subscriber: Subscriber, count: int) -> None:
    """Wait until so many calls of the subscriber have a request under way."""
    while sum(bool(caller.cancellation._calls) for caller in list(subscriber._waiting)) < count:
        await asyncio.sleep(0.01)


async def test_a_hundred_cancelled_polls(topic: str, name: str, service: Service) -> None:
    """Three turns of the loop are enough for each, and the next event goes to who is left, as its first attempt."""
    subscriber = Subscriber(name, service=service)
    polls = [asyncio.create_task(subscriber.get_events(wait=20)) for _ in range(100)]
    await until_waiting(subscriber, 100)
    for poll in polls:
        assert await turns_until_done(poll.cancel, [poll]) <= 3
        assert poll.cancelled()
    await Publisher("shop", service=service).publish(topic, "late")
    (received,) = await subscriber.get_events(wait=20)
    assert (received.data, received.attempt) == ("late", 1)
    assert len((await subscriber.state()).leases) == 1
    await received.ack()
    state = await subscriber.state()
    assert (state.unsettled, state.leases) == (0, ())


async def test_cancelled_loops(topic: str, name: str, service: Service) -> None:
    """The same for `async for`, and for pulls."""

    async def loop() -> None:
        async for _ in subscriber.events():
            raise AssertionError

    async def pull() -> None:
        async with subscriber.pull(wait=20):
            raise AssertionError

    subscriber = Subscriber(name, service=service)
    tasks = [asyncio.create_task(one()) for one in (loop, pull) for _ in range(10)]
    await until_waiting(subscriber, 10)
    for task in tasks:
        assert await turns_until_done(task.cancel, [task]) <= 4
    await Publisher("shop", service=service).publish(topic, "late")
    async with subscriber.pull(wait=20) as events:
        assert [(received.data, received.attempt) for received in events] == [("late", 1)]
    assert (await subscriber.state()).unsettled == 0


async def test_a_timeout_is_a_cancellation(topic: str, name: str, service: Service) -> None:
    """The task's next call acknowledges what it got before, once, and gets what came meanwhile."""
    publisher, subscriber = Publisher("shop", service=service), Subscriber(name, service=service)
    await publisher.publish(topic, 1)
    assert [event.data for event in await subscriber.get_events()] == [1]
    for _ in range(3):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(subscriber.get_events(wait=20), 0.05)
    await publisher.publish(topic, 2)
    assert [(event.data, event.attempt) for event in await subscriber.get_events(wait=20)] == [(2, 1)]
    await subscriber.get_events(0)
    assert (await subscriber.state()).unsettled == 0


@pytest.mark.parametrize("how", ["get_events", "fetch", "pull", "events"])
async def test_what_a_cancelled_call_got_is_released(scripted: ScriptedService, how: str) -> None:
    """The answer with a lease is under way when the task is cancelled: the call's own thread gives it back."""
    came, go_on, answered = threading.Event(), threading.Event(), threading.Event()

    def answer(body: dict[str, object]) -> Reply:
        came.set()
        go_on.wait(60)
        return lease(event(1), event(2))(body)

    def released(body: dict[str, object]) -> Reply:
        answered.set()
        return Reply({})

    subscriber = Subscriber("billing", service=scripted.url)
    scripted.script("get_events", answer, released)

    async def get() -> None:
        if how == "events":
            await anext(subscriber.events())
        elif how == "pull":
            await subscriber.pull().__aenter__()
        else:
            await getattr(subscriber, how)()

    task = asyncio.create_task(get())
    await asyncio.to_thread(came.wait, 60)
    assert await turns_until_done(task.cancel, [task]) <= 4
    go_on.set()
    assert await asyncio.to_thread(answered.wait, 60)
    first, then = scripted.calls("get_events")
    assert [settlement["lease"] for settlement in then["release"]] == [first["lease"]]


async def test_a_result_that_comes_with_the_cancellation_is_released(scripted: ScriptedService) -> None:
    """The task is cancelled in the turn of the loop in which its result arrives."""
    scripted.script("get_events", lease(event(1)))
    subscriber = Subscriber("billing", service=scripted.url)
    loop = asyncio.get_running_loop()
    tell = loop.call_soon_threadsafe
    task = asyncio.create_task(subscriber.get_events())
    # the result first, and the cancellation before the task has its turn
    loop.call_soon_threadsafe = lambda told: tell(lambda: (told(), task.cancel()))  # type: ignore[assignment, misc]
    with pytest.raises(asyncio.CancelledError):
        await task
    await asked(scripted, 2)
    first, then = scripted.calls("get_events")
    assert then["release"] == [{"lease": first["lease"]}]


async def test_a_loop_that_is_collected_ends(scripted: ScriptedService) -> None:
    """Without the event loop's help: what it did not reach is released."""
    scripted.script("get_events", lease(event(1), event(2)))
    events = Subscriber("billing", service=scripted.url).events()
    await anext(events)
    del events
    gc.collect()
    await asked(scripted, 2)
    assert [len(settlement["events"]) for settlement in scripted.calls("get_events")[1]["release"]] == [1]


async def test_closing_ends_the_waits_of_all_tasks(topic: str, name: str, service: Service) -> None:
    """They return without events."""
    subscriber = Subscriber(name, service=service)
    waits = [asyncio.create_task(subscriber.get_events(wait=20)) for _ in range(5)]
    loop = asyncio.create_task(anext(subscriber.events(), "end"))
    await until_waiting(subscriber, 5)
    await subscriber.close()
    assert await asyncio.gather(*waits) == [[]] * 5
    assert await loop == "end"
