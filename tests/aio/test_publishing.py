"""Tasks that publish."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

import pubsubclient
from aio.gates import Gate, turns_until_done
from pubsubclient import Service
from pubsubclient.aio import BatchClosed, Event, InvalidArgument, Publisher, PublishRefused
from unit.sdk.scripted import ScriptedService, problem


def stored(name: str, service: Service) -> list[pubsubclient.ReceivedEvent]:
    """All that a subscriber gets of its topic, in the order of the topic."""
    with pubsubclient.Subscriber(name, service=service) as subscriber:
        return list(subscriber.get_events())


async def test_a_thousand_tasks_publish_at_once(topic: str, name: str, service: Service) -> None:
    """Each event is stored once, and each task has the receipt of its own."""
    publisher = Publisher("shop", service=service)
    events = [Event(topic, number) for number in range(1000)]
    receipts = await asyncio.gather(*(publisher.publish(event) for event in events))
    by_id = {event.id: event for event in stored(name, service)}
    assert len(by_id) == 1000
    assert [receipt.id for receipt in receipts] == [event.id for event in events]
    assert all(by_id[event.id].data == event.data for event in events)
    assert all(by_id[receipt.id].sequence == receipt.sequence for receipt in receipts)
    calls = [thread for thread in threading.enumerate() if thread.name == "pubsubclient.aio call"]
    assert 1 <= len(calls) <= 32
    assert all(thread.daemon for thread in calls)


async def test_several_events_data_and_iterators(topic: str, name: str, service: Service) -> None:
    """As without asyncio; an iterator is read in the loop."""
    publisher = Publisher("shop", service=service)
    here = threading.get_ident()

    def events() -> Iterator[Event]:
        for number in range(3):
            assert threading.get_ident() == here
            yield Event(topic, number)

    one = await publisher.publish(topic, "data", subject="s", delay=0)
    assert len(await publisher.publish(Event(topic, 1), Event(topic, 2))) == 2
    assert len(await publisher.publish(events())) == 3
    first = stored(name, service)[0]
    assert (first.id, first.data, first.subject) == (one.id, "data", "s")
    with pytest.raises(InvalidArgument, match="900000 are expected"):
        await publisher.publish(topic, "x" * 1_000_000)


async def test_the_constructor_sends_nothing(service: Service, topic: str) -> None:
    """`async with` registers, unless told otherwise; so does the first publish."""
    nowhere = Publisher("shop", service="http://127.0.0.1:1")
    assert (nowhere.name, repr(nowhere)) == ("shop", "Publisher('shop')")
    with pytest.raises(InvalidArgument):
        Publisher("no/name", service=service)
    async with Publisher("shop", service="http://127.0.0.1:1", register=False):
        pass
    async with Publisher(f"p-{topic}", service=service) as publisher:
        assert (await publisher.publish(topic)).sequence
        await publisher.delete()


async def test_a_batch_gives_receipts_in_order(topic: str, name: str, service: Service) -> None:
    """Also when most tasks have to wait for room."""
    for limit in (20_000, 10):
        async with Publisher("shop", service=service).batch(max_events=limit) as batch:
            tasks = [asyncio.create_task(batch.publish(topic, (limit, number))) for number in range(300)]
            receipts = await asyncio.gather(*tasks)
        sequences = [receipt.sequence for receipt in receipts]
        assert sequences == sorted(sequences)
    assert [event.data for event in stored(name, service)] == [
        [limit, number] for limit in (20_000, 10) for number in range(300)
    ]


async def test_a_full_batch_lets_the_loop_go_on(scripted: ScriptedService) -> None:
    """What waits for room is sent in order, but for what was cancelled meanwhile, wherever it was."""
    gate = Gate(scripted)
    async with Publisher("shop", service=scripted.url).batch(max_events=1) as batch:
        tasks = [asyncio.create_task(batch.publish("orders", number)) for number in range(5)]
        await gate.came()
        await asyncio.sleep(0)
        assert not any(task.done() for task in tasks)
        for number in (1, 3):  # the one that a thread tries to publish, and one behind it
            assert await turns_until_done(tasks[number].cancel, [tasks[number]]) <= 3
        gate.open()
        receipts = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(receipt).__name__ for receipt in receipts] == [
        "Receipt", "CancelledError", "Receipt", "CancelledError", "Receipt",
    ]  # fmt: skip
    sent = [event["data"] for body in scripted.calls("publish") for event in body["events"]]
    assert [number for number in sent if number != 1] == [0, 2, 4]  # 1 may have got into a request before


async def test_errors_of_a_batch_are_those_of_its_events(scripted: ScriptedService) -> None:
    """And leaving the block raises them, as without asyncio."""
    scripted.script("publish", problem(422, "invalid_event"))
    batch = Publisher("shop", service=scripted.url).batch()
    with pytest.raises(PublishRefused):
        await batch.publish("orders", 1)
    with pytest.raises(InvalidArgument, match="an event alone"):
        await batch.publish(Event("orders"), 1)  # type: ignore[call-overload]
    assert await batch.flush(60)
    with pytest.raises(PublishRefused):
        await batch.__aexit__(None, None, None)
    with pytest.raises(BatchClosed):
        await batch.publish("orders", 1)
    await batch.close()


async def test_a_cancelled_publish_keeps_its_first_try(scripted: ScriptedService) -> None:
    """Control is back at once; the same Event, published again, says when it was first tried."""
    gate = Gate(scripted)
    publisher = Publisher("shop", service=scripted.url)
    event = Event("orders", 17)
    async with publisher:  # whose answer tells the store's time
        task = asyncio.create_task(publisher.publish(event))
        await gate.came()
        assert await turns_until_done(task.cancel, [task]) <= 3
    gate.open()
    await publisher.publish(event)
    first, again = scripted.calls("publish")
    assert (again["events"], again["since"]) == (first["events"], first["since"])


async def test_what_is_cancelled_before_its_thread_is_not_sent(scripted: ScriptedService) -> None:
    """Of 40 calls 32 are made at once."""
    gate = Gate(scripted, 32)
    publisher = Publisher("shop", service=scripted.url)
    events = [Event("orders", number) for number in range(40)]
    tasks = [asyncio.create_task(publisher.publish(event)) for event in events]
    await gate.came()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    gate.open()
    await publisher.publish("orders", "last")
    sent = [event["data"] for body in scripted.calls("publish") for event in body["events"]]
    assert sorted(sent[:-1]) == list(range(32))
    assert not any(event.first_tries for event in events[32:])
