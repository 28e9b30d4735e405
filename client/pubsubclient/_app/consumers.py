"""Joins declared handlers to consumers: the handlers of one subscriber, and the subscriptions that these share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pubsubclient._app.declaration import Declaration
from pubsubclient._core.errors import ConfigurationError
from pubsubclient._core.filters import check_filters
from pubsubclient._worker.handler import Subscription

__all__ = ["by_subscriber", "check_together", "subscriptions_of"]


def by_subscriber(declared: Iterable[Declaration], app: str) -> dict[str, list[Declaration]]:
    """Group handlers by the subscriber that they have under the app's name, in the order of their declaration."""
    groups: dict[str, list[Declaration]] = {}
    for one in declared:
        groups.setdefault(one.subscriber or app, []).append(one)
    return groups


def check_together(declared: Sequence[Declaration], app: str) -> None:
    """Check that handlers can share their subscriptions.

    Raises:
        ConfigurationError: of two handlers of one name and topic, the later one would never run, because the earlier one takes
            all its events; or they have different settings of one subscription
        InvalidArgument: their filters are too many together
    """
    for subscriber, handlers in by_subscriber(declared, app).items():
        for _, sharing in _by_topic(handlers):
            for number, one in enumerate(sharing):
                for earlier in sharing[:number]:
                    _check_pair(earlier, one, subscriber)
            _filters(sharing)


def subscriptions_of(handlers: Sequence[Declaration]) -> list[Subscription]:
    """Return the subscriptions that the handlers of one subscriber need: one for each topic or pattern.

    The filters are always set: without them, an event type that was taken out of the program would still be waited for.
    """
    return [
        Subscription(topic, {**_settings(sharing), "filters": _filters(sharing)})
        for topic, sharing in _by_topic(handlers)
    ]


def _by_topic(handlers: Sequence[Declaration]) -> Iterator[tuple[str, list[Declaration]]]:
    topics: dict[str, list[Declaration]] = {}
    for one in handlers:
        topics.setdefault(one.topic, []).append(one)
    yield from topics.items()


def _check_pair(earlier: Declaration, later: Declaration, subscriber: str) -> None:
    if earlier.filters == later.filters:
        kind = "every type" if later.type is None else f"the type {later.type!r}"
        raise ConfigurationError(
            f"{later.name}: {earlier.name} handles {kind} of the topic {later.topic!r} for the subscriber {subscriber!r} "
            "already. Give one of them another subscriber= to have each event handled twice."
        )
    if all(each in later.filters for each in earlier.filters):
        raise ConfigurationError(
            f"{later.name}: it would never run, because {earlier.name}, declared before it, takes all its events of the "
            f"topic {later.topic!r} for the subscriber {subscriber!r}. Declare the handler of fewer events first, or give "
            "one of them another subscriber= to have each event handled twice."
        )
    for name, value in later.settings.items():
        if name in earlier.settings and earlier.settings[name] != value:
            raise ConfigurationError(
                f"{later.name}: {name}={value!r}, but {earlier.name} has {earlier.settings[name]!r}, and both share the "
                f"subscription of {subscriber!r} to {later.topic!r}. Give one of them another subscriber=."
            )


def _settings(sharing: Sequence[Declaration]) -> dict[str, Any]:
    return {name: value for one in sharing for name, value in one.settings.items()}


def _filters(sharing: Sequence[Declaration]) -> list[dict[str, Any]]:
    """Return filters that match what any of the handlers takes; none if one of them takes everything."""
    if not all(one.filters for one in sharing):
        return []
    if len(sharing) == 1:
        return sharing[0].filters
    joined = [one.filters[0] if len(one.filters) == 1 else {"all": one.filters} for one in sharing]
    return check_filters([{"any": joined}])
