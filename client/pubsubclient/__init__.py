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

The public names are imported when one of them is first used, so that ``pubsub --help`` and programs that use only
`pubsubclient.signals` do not wait for ``requests``.

To read the code, begin with `_publish.publisher` and `_subscribe.subscriber`; the map of the rooms is in
``docs/architecture.md``.
"""

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any as _AnyValue

from pubsubclient._core.former_names import add_former_names
from pubsubclient._version import __version__

if TYPE_CHECKING:
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
    from pubsubclient._doctor.examine import doctor
    from pubsubclient._doctor.findings import Finding
    from pubsubclient._events.event import Event
    from pubsubclient._events.event_list import Events
    from pubsubclient._events.received import ReceivedEvent
    from pubsubclient._events.topic import Topic
    from pubsubclient._http.config import configure
    from pubsubclient._http.identity import Identity
    from pubsubclient._http.service import Service
    from pubsubclient._look.peek import Peek, peek
    from pubsubclient._look.states import LogState, TopicState, subscribers, topics
    from pubsubclient._publish.batch import Batch
    from pubsubclient._publish.errors import PublishError, PublishRefused, PublishUnavailable, PublishUnknown
    from pubsubclient._publish.publisher import Publisher
    from pubsubclient._publish.receipts import Receipt
    from pubsubclient._subscribe.descriptions import Explanation, LeaseState, SubscriberState, SubscriptionState
    from pubsubclient._subscribe.outcomes import Outcomes
    from pubsubclient._subscribe.subscriber import Subscriber
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
    "Finding",
    "Forbidden",
    "Identity",
    "IdentityError",
    "InvalidArgument",
    "LeaseState",
    "LogState",
    "NotFound",
    "Outcomes",
    "Pause",
    "Peek",
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
    "TopicState",
    "Unavailable",
    "__version__",
    "configure",
    "doctor",
    "peek",
    "subscribers",
    "topics",
]

#: the modules that define the public names; these are imported together, when one of their names is used
_ROOMS = (
    "_core.errors", "_events.event", "_events.event_list", "_events.received", "_events.topic", "_http.config",
    "_http.identity", "_http.service", "_publish.batch", "_publish.errors", "_publish.publisher", "_publish.receipts",
    "_subscribe.descriptions", "_subscribe.outcomes", "_subscribe.subscriber", "_worker.outcome", "signals.wildcard",
)  # fmt: skip
#: those that few programs need are imported alone
_ROOMS_APART = {
    "App": "_app.app",
    "Finding": "_doctor.findings",
    "LogState": "_look.states",
    "Peek": "_look.peek",
    "TopicState": "_look.states",
    "doctor": "_doctor.examine",
    "peek": "_look.peek",
    "subscribers": "_look.states",
    "topics": "_look.states",
}

add_former_names(__name__)


def __getattr__(name: str) -> _AnyValue:
    """Import public names when one of them is used (PEP 562)."""
    if name not in __all__ and name != "signals":  # `pubsubclient.signals` needs no import of its own
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for room in (_ROOMS_APART[name],) if name in _ROOMS_APART else _ROOMS:
        module = import_module(f"{__name__}.{room}")
        for public_name in set(module.__all__) & set(__all__):
            public = getattr(module, public_name)
            # Tracebacks, pickles and documentation name the public module of a class, not the private one that defines it.
            if str(getattr(public, "__module__", "")).startswith("pubsubclient._"):
                public.__module__ = __name__
            globals()[public_name] = public
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
