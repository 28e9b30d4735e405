"""Publish and subscribe over HTTP.

    from pubsubclient import Event, Publisher, Subscriber, Topic

    topic = Topic("orders")
    publisher = Publisher("shop")
    publisher.publish(Event(topic, {"number": 17}))

    subscriber = Subscriber("billing")
    subscriber.subscribe(topic)
    for event in subscriber.get_events():
        print(event.data)

The argument ``service=``, `configure`, PUBLISH_SUBSCRIBE_SERVICE in the environment, or a config.json in the working directory
or a directory above it says which service to use. The first of these counts.

To read the code, begin with `_publish.publisher` and `_subscribe.subscriber`; the map of the rooms is in
``docs/architecture.md``.
"""

from pubsubclient._app.app import App
from pubsubclient._core.errors import (
    BatchClosed,
    ConfigurationError,
    Conflict,
    Forbidden,
    IdentityError,
    InvalidArgument,
    NotFound,
    PubSubError,
    ServiceError,
    TooLarge,
    Unavailable,
)
from pubsubclient._core.former_names import add_former_names
from pubsubclient._events.event import Event, ReceivedEvent
from pubsubclient._events.event_list import Events
from pubsubclient._events.topic import Topic
from pubsubclient._http.config import configure
from pubsubclient._http.identity import Identity
from pubsubclient._http.service import Service
from pubsubclient._publish.batch import Batch
from pubsubclient._publish.errors import PublishError, PublishRefused, PublishUnavailable, PublishUnknown
from pubsubclient._publish.publisher import Publisher
from pubsubclient._publish.receipts import Receipt
from pubsubclient._subscribe.descriptions import Explanation, LeaseState, SubscriberState, SubscriptionState
from pubsubclient._subscribe.subscriber import Subscriber
from pubsubclient._version import __version__
from pubsubclient._worker.outcome import Pause, Reject, Retry
from pubsubclient.signals.wildcard import Any

__all__ = [
    "Any",
    "App",
    "Batch",
    "BatchClosed",
    "ConfigurationError",
    "Conflict",
    "Event",
    "Events",
    "Explanation",
    "Forbidden",
    "Identity",
    "IdentityError",
    "InvalidArgument",
    "LeaseState",
    "NotFound",
    "Pause",
    "PubSubError",
    "PublishError",
    "PublishRefused",
    "PublishUnavailable",
    "PublishUnknown",
    "Publisher",
    "Receipt",
    "ReceivedEvent",
    "Reject",
    "Retry",
    "Service",
    "ServiceError",
    "Subscriber",
    "SubscriberState",
    "SubscriptionState",
    "TooLarge",
    "Topic",
    "Unavailable",
    "__version__",
    "configure",
]

add_former_names(__name__)

# Tracebacks, pickles and documentation name the public module of a class, not the private one that defines it.
for _name in __all__:
    _public = globals()[_name]
    if str(getattr(_public, "__module__", "")).startswith("pubsubclient._"):
        _public.__module__ = "pubsubclient"
