"""The names of the SDK for asyncio: `Publisher`, `Subscriber` and all else that makes requests, to be awaited.

    from pubsubclient.aio import Publisher, Subscriber

    async with Publisher("shop") as publisher:
        await publisher.publish("orders", {"number": 17})

    async with Subscriber("billing") as subscriber:
        await subscriber.subscribe("orders")
        async for event in subscriber.events():
            print(event.data)

A method makes the call of its namesake in a thread that belongs to this package, and awaits its end. Names that make no
request are those of `pubsubclient`. It needs asyncio; trio has no part in it.

May import `_look`, `_doctor` and all below. Begin with `_call`, then `_subscriber`.
"""

from pubsubclient import (
    Any,
    BatchClosed,
    ConfigurationError,
    Conflict,
    Event,
    Explanation,
    Finding,
    Forbidden,
    Identity,
    IdentityError,
    InvalidArgument,
    LeaseState,
    LogState,
    NotFound,
    PublishError,
    PublishRefused,
    PublishUnavailable,
    PublishUnknown,
    PubSubError,
    Receipt,
    Service,
    ServiceError,
    SubscriberState,
    SubscriptionState,
    TooLarge,
    Topic,
    TopicState,
    Unavailable,
    configure,
)
from pubsubclient.aio._batch import Batch
from pubsubclient.aio._events import Events, ReceivedEvent
from pubsubclient.aio._look import Peek, doctor, peek, subscribers, topics
from pubsubclient.aio._outcomes import Outcomes
from pubsubclient.aio._publisher import Publisher
from pubsubclient.aio._subscriber import Subscriber

__all__ = [
    "Any",
    "Batch",
    "BatchClosed",
    "ConfigurationError",
    "Conflict",
    "Event",
    "Events",
    "Explanation",
    "Finding",
    "Forbidden",
    "Identity",
    "IdentityError",
    "InvalidArgument",
    "LeaseState",
    "LogState",
    "NotFound",
    "Outcomes",
    "Peek",
    "PubSubError",
    "PublishError",
    "PublishRefused",
    "PublishUnavailable",
    "PublishUnknown",
    "Publisher",
    "Receipt",
    "ReceivedEvent",
    "Service",
    "ServiceError",
    "Subscriber",
    "SubscriberState",
    "SubscriptionState",
    "TooLarge",
    "Topic",
    "TopicState",
    "Unavailable",
    "configure",
    "doctor",
    "peek",
    "subscribers",
    "topics",
]

# tracebacks and pickles name the public module, not the private one
for _public in (Batch, Events, Outcomes, Peek, Publisher, ReceivedEvent, Subscriber, doctor, peek, subscribers, topics):
    _public.__module__ = __name__
del _public
