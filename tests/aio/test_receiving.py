"""Tasks that receive events, settle them, and look at them."""

from __future__ import annotations

import asyncio
import copy
import pickle
from contextlib import aclosing, suppress

import pytest

import pubsubclient
from pubsubclient import Service, aio
from pubsubclient.aio import Event, InvalidArgument, Publisher, ReceivedEvent, Subscriber
from pubsubclient.outbox import ProcessedOnce
from unit.sdk.scripted import ScriptedService, lease
from unit.sdk.scripted import event as stored


async def publish(topic: str, count: int, service: Service) -> list[Event]:
    """Publish numbers."""
    events = [Event(topic, number) for number in range(count)]
    await Publisher("shop", service=service).publish(events)
    return events


async def test_a_task_acknowledges_what_it_got_last(topic: str, name: str, service: Service) -> None:
    """Not what another task got, whatever threads made the calls."""
    await publish(topic, 4, service)
    subscriber = Subscriber(name, service=service)
    got: list[int] = []

    async def work(turn: int) -> None:
        got.extend(event.data for event in await subscriber.get_events(2))
        await barrier[turn].wait()
        await subscriber.get_events(0)

    barrier = [asyncio.Event(), asyncio.Event()]
    tasks = [asyncio.create_task(work(turn)) for turn in (0, 1)]
    while len(got) < 4:
        await asyncio.sleep(0.01)
    assert sorted(got) == [0, 1, 2, 3]
    barrier[0].set()
    await tasks[0]
    assert (await subscriber.state()).unsettled == 2
    barrier[1].set()
    await tasks[1]
    assert (await subscriber.state()).unsettled == 0


@pytest.mark.parametrize(("ending", "attempt"), [(None, None), (ValueError, 2), (asyncio.CancelledError, 1)])
async def test_the_end_of_a_block_settles(
    topic: str, name: str, service: Service, ending: type[BaseException] | None, attempt: int | None
) -> None:
    """As the end of a `with` block does, of a subscriber and of a pull. A cancellation is no failure."""

    async def end(events: aio.Events) -> None:
        assert len(events) == 1
        if ending:
            raise ending

    for pulls in (False, True):
        await publish(topic, 1, service)
        with suppress(ValueError, asyncio.CancelledError):
            async with Subscriber(name, service=service) as subscriber:
                await subscriber.subscribe(topic, backoff=0)
                if pulls:
                    async with subscriber.pull() as events:
                        await end(events)
                else:
                    await end(await subscriber.get_events())
        again = await subscriber.get_events(wait=20 if ending else 0)
        assert [event.attempt for event in again] == ([] if attempt is None else [attempt])
        await subscriber.get_events(0)


async def test_settling_by_name(topic: str, name: str, service: Service) -> None:
    """Events alone and together; each settles once."""
    await publish(topic, 5, service)
    subscriber = Subscriber(name, service=service)
    one, two, three, *rest = events = await subscriber.get_events()
    assert type(one) is ReceivedEvent
    assert (events.more, events.lost, events.blocked) == (False, {}, None)
    assert await one.ack()
    assert not await one.nack()
    assert one.settled
    assert await two.nack(delay=60, reason="no")
    assert await three.release(delay=60)
    assert await rest[0].extend(60)
    assert await events.extend_lease(120)
    assert await events.ack()
    states = [(await subscriber.explain(event)).state for event in events]
    assert states == ["settled", "due", "due", "settled", "settled"]
    with pytest.raises(InvalidArgument):
        await two.nack(delay=-1)


async def test_copies_cannot_be_settled(topic: str, name: str, service: Service) -> None:
    """They have all else."""
    await publish(topic, 2, service)
    async with Subscriber(name, service=service) as subscriber:
        events = await subscriber.get_events()
        for copied in (pickle.loads(pickle.dumps(events)), copy.deepcopy(events)):
            assert type(copied) is aio.Events
            assert type(copied[0]) is ReceivedEvent
            assert (copied[1].data, copied.more, copied.blocked) == (1, False, None)
            for settling in (copied.ack(), copied[0].ack()):
                with pytest.raises(InvalidArgument, match="opied or unpickled"):
                    await settling


async def test_outcomes_travel_with_a_fetch(topic: str, name: str, service: Service) -> None:
    """Recording sends nothing."""
    await publish(topic, 4, service)
    subscriber = Subscriber(name, service=service)
    outcomes = subscriber.outcomes(within=600)
    one, two, three, four = await subscriber.fetch()
    outcomes.extend(four)
    outcomes.ack(one)
    outcomes.nack([two], 60, reason="no")
    outcomes.release(three, 60)
    assert outcomes.pending == 3
    assert list(await subscriber.fetch(1, settle=outcomes)) == []
    assert outcomes.pending == 0
    outcomes.ack(four)
    await outcomes.flush()
    assert (await subscriber.explain(four)).state == "settled"
    await outcomes.close()


async def test_a_loop_hops_once_a_fetch(scripted: ScriptedService) -> None:
    """A thread is asked for the first of each fetch; the others come without one."""
    scripted.script("get_events", lease(stored(1), stored(2), stored(3)), lease(stored(4)))
    hops: list[int] = []
    got: list[int] = []
    subscriber = Subscriber("billing", service=scripted.url)
    loop = asyncio.get_running_loop()
    create_future = loop.create_future
    loop.create_future = lambda: hops.append(len(got)) or create_future()  # type: ignore[method-assign, func-returns-value]
    async for event in subscriber.events(wait=0):
        got += [event.data["n"]]
    assert got == [1, 2, 3, 4]
    assert [hop for hop in hops if hop in {1, 2}] == []


async def test_a_loop_acknowledges_what_it_has_done(topic: str, name: str, service: Service) -> None:
    """Left early, it keeps the current event for whoever left it, and releases what it did not reach."""
    await publish(topic, 50, service)
    subscriber = Subscriber(name, service=service)
    async with aclosing(subscriber.events(max_events=50)) as events:
        async for event in events:
            if event.data == 10:
                break
    assert (await subscriber.explain(event)).state == "leased"
    assert await event.ack()
    assert (await subscriber.state()).leases == ()
    rest = [event async for event in subscriber.events(wait=0)]
    assert [event.data for event in rest] == list(range(11, 50))
    assert {event.attempt for event in rest} == {1}
    assert (await subscriber.state()).backlog == 0


async def test_a_loop_that_nobody_closes_ends(topic: str, name: str, service: Service) -> None:
    """`break` alone is enough."""
    await publish(topic, 3, service)
    async for event in Subscriber(name, service=service).events():
        await event.ack()
        break
    again = await Subscriber(name, service=service).get_events(2, wait=20)
    assert {(event.data, event.attempt) for event in again} <= {(1, 1), (2, 1)}
    assert await again.ack()


async def test_one_task_waits_in_a_loop(topic: str, name: str, service: Service) -> None:
    """A second is told so; closing the loop, or the subscriber, ends the wait of the first."""
    subscriber = Subscriber(name, service=service)
    for close in ("loop", "subscriber"):
        events = subscriber.events()
        first = asyncio.create_task(anext(events, None))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="call events"):
            await anext(events)
        await (events.aclose() if close == "loop" else subscriber.close())
        assert await first is None
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    with pytest.raises(InvalidArgument):
        subscriber.events(max_events=0)


async def test_looking_inside(topic: str, name: str, service: Service) -> None:
    """Peeks, states, positions, redrives."""
    events = await publish(topic, 3, service)
    peeked = await aio.peek(topic, start="earliest", max_events=2, of=name, service=service)
    assert [event.data for event in peeked.events] == [0, 1]
    assert peeked.more
    assert [event.data for event in (await peeked.next()).events] == [2]
    followed = peeked.follow(max_events=2)
    assert [(await anext(followed)).data for _ in range(3)] == [0, 1, 2]
    later = asyncio.create_task(anext(followed))
    await Publisher("shop", service=service).publish(topic, 3)
    assert (await later).data == 3
    await followed.aclose()
    assert topic in [state.topic async for state in aio.topics(service=service)]
    assert name in [state.subscriber async for state in aio.subscribers(service=service)]
    assert await aio.doctor(service) == []

    subscriber = Subscriber(name, service=service)
    position = await subscriber.position()
    async for event in subscriber.events(wait=0):
        await event.nack(dead=event.data == 0)
    assert await subscriber.redrive(topic) == 1
    await subscriber.seek(topic, position)
    assert (await subscriber.state()).backlog >= 4
    await subscriber.unsubscribe(topic)
    await subscriber.delete()
    assert events


async def test_received_events_are_taken_elsewhere(topic: str, name: str, service: Service) -> None:
    """By what takes those of `pubsubclient`: publishing again, and `ProcessedOnce`."""
    import sqlite3

    await publish(topic, 1, service)
    async with Subscriber(name, service=service) as subscriber:
        (event,) = await subscriber.get_events()
        receipt = await Publisher("other", service=service).publish(event)
        assert receipt.id == event.id
        once = ProcessedOnce("processed")
        connection = sqlite3.connect(":memory:")
        once.create(connection)
        assert [once.first(connection, event) for _ in range(2)] == [True, False]
        connection.close()
        assert isinstance(event, pubsubclient.Event)
