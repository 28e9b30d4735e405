"""A declared handler: the function, the events that it is for, and how it is run. Every option is checked here, at import."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from pubsubclient._app.parameters import Parameters, plan
from pubsubclient._core.arguments import check_count, check_seconds, shown
from pubsubclient._core.attributes import NAME, Attribute, check_text
from pubsubclient._core.errors import ConfigurationError, InvalidArgument
from pubsubclient._core.filters import Filters, accepted, check_filters
from pubsubclient._core.names import check_name, is_pattern, stands_for
from pubsubclient._core.typed_data import Codec
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._events.topic import Topic, topic_name
from pubsubclient._subscribe.arguments import Topics, settings_of, topics_name

__all__ = ["Declaration", "Lane", "declare"]

#: an attribute's name, or a function of the event
Lane = str | Callable[[ReceivedEvent], Hashable]

#: the most events of one run, and the most runs at one time
_MAX_BATCH = 1_000
_MAX_CONCURRENCY = 10_000


@dataclass(frozen=True, eq=False)
class Declaration:
    """A function and the options of its handler, checked."""

    function: Callable[..., Any]
    #: ``module.function``
    name: str
    topic: str
    type: str | None
    #: the subscriber's name; None for the app's
    subscriber: str | None
    #: the filters that an event of the topic has to match, with the one of `type`
    filters: list[dict[str, Any]]
    #: arguments of `Subscriber.subscribe` that were given
    settings: Mapping[str, Any]
    lane: Lane | None
    timeout_s: float | None
    concurrency: int | None
    batch: int | None
    publish_to: Topic[Any] | str | None
    parameters: Parameters
    #: what the topic declares of its events: the codec of their data, and their attributes
    topic_codec: Codec | None
    topic_attributes: Mapping[str, Attribute]

    @property
    def is_async(self) -> bool:
        """Whether the function is ``async def``."""
        return _is_async(self.function)

    def takes(self, event: ReceivedEvent) -> bool:
        """Whether the function is for this event."""
        if self.topic != event.topic and not (is_pattern(self.topic) and stands_for(self.topic, event.topic)):
            return False
        return not self.filters or accepted(self.filters, event.members)


def declare(
    function: Callable[..., Any],
    topic: Topics,
    *,
    type: str | None,  # noqa: A002 - CloudEvents' own name
    subscriber: str | None,
    filters: Filters | None,
    lane: Lane | None,
    timeout: object,
    concurrency: int | None,
    batch: int | None,
    publish_to: Topic[Any] | str | None,
    settings: Mapping[str, Any],
) -> Declaration:
    """Check the options of a handler, which `App.handler` describes. Raises ConfigurationError, InvalidArgument."""
    name = _name_of(function)
    given = {key: value for key, value in settings.items() if value is not None}
    pattern = topics_name(topic)
    settings_of(pattern, **{"start": None, "dead_letter_topic": None, **given}, filters=None)
    if batch is not None:
        batch = check_count("batch", batch, 1, _MAX_BATCH)
        if lane is not None:
            raise ConfigurationError(
                f"{name}: lane: expected without batch, because a batch holds events of many lanes."
            )
        if publish_to is not None:
            raise ConfigurationError(
                f"{name}: publish_to: expected without batch, because the answer's id is made of one event's."
            )
    if publish_to is not None:
        topic_name(publish_to)
    codec, attributes = (topic.codec, topic.attributes) if isinstance(topic, Topic) else (None, {})
    return Declaration(
        function=function,
        name=name,
        topic=pattern,
        type=type,
        subscriber=None if subscriber is None else check_name("subscriber", subscriber),
        filters=_filters(type, filters),
        settings=given,
        lane=_check_lane(lane),
        timeout_s=_check_timeout(timeout),
        concurrency=None if concurrency is None else check_count("concurrency", concurrency, 1, _MAX_CONCURRENCY),
        batch=batch,
        publish_to=publish_to,
        parameters=plan(function, name, codec, batch=batch is not None),
        topic_codec=codec,
        topic_attributes=attributes,
    )


def _name_of(function: object) -> str:
    """Return ``module.function``. Raises ConfigurationError for what cannot be a handler."""
    if not callable(function) or isinstance(function, type):
        raise ConfigurationError(f"handler: expected a function; got {shown(function)}.")
    kind = getattr(function, "func", function)
    name = f"{getattr(kind, '__module__', '?')}.{getattr(kind, '__qualname__', type(kind).__qualname__)}"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(
            f"{name}: expected a function that returns; got a generator function, which would not run."
        )
    return name


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def _filters(type_: str | None, filters: Filters | None) -> list[dict[str, Any]]:
    checked = [] if filters is None else check_filters(filters)
    return checked if type_ is None else [{"exact": {"type": check_text("type", type_)}}, *checked]


def _check_lane(lane: object) -> Lane | None:
    if lane is None or callable(lane) or (isinstance(lane, str) and NAME.fullmatch(lane)):
        return lane
    raise InvalidArgument(f"lane: expected an attribute's name, or a function of the event; got {shown(lane)}.")


def _check_timeout(timeout: object) -> float | None:
    if timeout is None:
        return None
    timeout_s = check_seconds("timeout", timeout)
    if not timeout_s:
        raise InvalidArgument("timeout: expected more than 0 seconds.")
    return timeout_s
