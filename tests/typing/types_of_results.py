"""What a type checker makes of calls; read by mypy, never run."""

from __future__ import annotations

from datetime import datetime

from typing_extensions import assert_type

from pubsubclient import (
    Event,
    Events,
    Peek,
    Publisher,
    Receipt,
    ReceivedEvent,
    Subscriber,
    SubscriberState,
    Topic,
    TopicState,
    aio,
    peek,
    subscribers,
    topics,
)

publisher = Publisher("P1", service={"register": "http://a.example/register"})
event = Event("orders", {"n": [1, 2.5, None]}, subject="17", attributes={"region": "eu", "urgent": True, "n": 1})

assert_type(publisher.publish(event), Receipt)
assert_type(publisher.publish(event, event), list[Receipt])
assert_type(publisher.publish(event, event, event), list[Receipt])
assert_type(publisher.publish([event]), list[Receipt])
assert_type(publisher.publish(Event("orders", n) for n in range(3)), list[Receipt])
assert_type(publisher.publish("orders"), Receipt)
assert_type(publisher.publish("orders", {"n": 1}), Receipt)
assert_type(publisher.publish(Topic("orders"), b"bytes"), Receipt)

with Subscriber("S1") as subscriber:
    assert_type(subscriber, Subscriber)
    events = subscriber.get_events(max_events=10, wait=0.5)
    assert_type(events, Events)
    assert_type(events.more, bool)
    assert_type(events.lost, dict[str, int])
    for received in events:
        assert_type(received, ReceivedEvent)
        assert_type(received.sequence, str)
        assert_type(received.recordedtime, datetime)
        assert_type(received.ack(), bool)
        assert_type(publisher.publish(received), Receipt)
        publisher.publish(received, event)

event.ack()  # type: ignore[attr-defined]  # only what was received can be settled
subscriber.subscribe("orders", start=17)  # type: ignore[arg-type]
publisher.publish(7)  # type: ignore[call-overload]

assert_type(peek("orders", last=10), Peek)
assert_type(peek(["orders", Topic("stock")], start="earliest").next(wait=5), Peek)
for seen in peek("orders.*").follow():
    assert_type(seen, ReceivedEvent)
for topic_state in topics():
    assert_type(topic_state, TopicState)
for subscriber_state in subscribers():
    assert_type(subscriber_state, SubscriberState)
peek("orders", last="10")  # type: ignore[arg-type]


async def with_asyncio() -> None:
    """The same of `pubsubclient.aio`."""
    async with aio.Publisher("P1") as publisher, aio.Subscriber("S1") as subscriber:
        assert_type(publisher, aio.Publisher)
        assert_type(await publisher.publish(event), Receipt)
        assert_type(await publisher.publish(event, event), list[Receipt])
        assert_type(await publisher.publish([event]), list[Receipt])
        assert_type(await publisher.publish("orders", {"n": 1}), Receipt)
        await publisher.publish(7)  # type: ignore[call-overload]
        async with publisher.batch() as batch:
            assert_type(batch, aio.Batch)
            assert_type(await batch.publish(event), Receipt)
        async with subscriber.pull(max_events=10) as pulled:
            assert_type(pulled, aio.Events)
        async for received in subscriber.events():
            assert_type(received, aio.ReceivedEvent)
            assert_type(received.sequence, str)
            assert_type(await received.ack(), bool)
            assert_type(await publisher.publish(received), Receipt)
            subscriber.outcomes().ack(received)
        events = await subscriber.get_events(max_events=10, wait=0.5)
        assert_type(events, aio.Events)
        assert_type(events[0], aio.ReceivedEvent)
        assert_type(events.lost, dict[str, int])
        assert_type(await events.ack(), bool)
        assert_type(await subscriber.state(), SubscriberState)
        await subscriber.subscribe("orders", start=17)  # type: ignore[arg-type]
    looked = await aio.peek("orders", last=10)
    assert_type(looked, aio.Peek)
    async for seen in looked.follow():
        assert_type(seen, aio.ReceivedEvent)
    async for topic_state in aio.topics():
        assert_type(topic_state, TopicState)
    # an awaited ack is not taken for one that is called
    settles: ReceivedEvent = events[0]  # type: ignore[assignment]
    assert settles
