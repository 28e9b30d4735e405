"""The setting ``PUBSUB``: what it may hold, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from pubsubclient._core.arguments import check_seconds, shown
from pubsubclient._core.errors import PubSubError
from pubsubclient._core.names import check_name
from pubsubclient._http.service import urls_of

__all__ = ["ENGINES", "Problem", "PubSubSettings", "current", "problems"]

#: the kinds of databases that can hold the tables, by Django's word
ENGINES = ("sqlite", "postgresql")
_DAY_S = 86_400
_DEFAULTS: dict[str, Any] = {
    "APP": None,
    "SERVICE": None,
    "DATABASE": "default",
    "KEEP_SENT": _DAY_S,
    "KEEP_PROCESSED": 8 * _DAY_S,
    "KEEP_RESULTS": 7 * _DAY_S,
}
#: the longest name: topics and subscribers are named after it
_MAX_NAME = 100


class Problem(NamedTuple):
    """What is wrong with one member of the setting."""

    #: the number of the system check's error
    number: int
    message: str
    hint: str


@dataclass(frozen=True)
class PubSubSettings:
    """The setting, checked."""

    #: events are published under this name; topics and the subscriber of Tasks are named after it
    name: str
    #: where the `App` with the handlers is: ``shop.events.app``; None if there are none
    app: str | None
    #: the service's address; None: it is found as by any client
    service: Any
    #: the alias of the database that has the tables
    database: str
    #: how long rows stay, seconds: of published events, of handled events, of Tasks
    keep_sent_s: float
    keep_processed_s: float
    keep_results_s: float


def current() -> PubSubSettings:
    """Return the setting. Raises ImproperlyConfigured with the first thing that is wrong."""
    for problem in problems():
        raise ImproperlyConfigured(f"{problem.message} {problem.hint}")
    given = {**_DEFAULTS, **settings.PUBSUB}
    return PubSubSettings(
        name=given["NAME"],
        app=given["APP"],
        service=given["SERVICE"],
        database=given["DATABASE"],
        keep_sent_s=check_seconds("KEEP_SENT", given["KEEP_SENT"]),
        keep_processed_s=check_seconds("KEEP_PROCESSED", given["KEEP_PROCESSED"]),
        keep_results_s=check_seconds("KEEP_RESULTS", given["KEEP_RESULTS"]),
    )


def problems() -> Iterator[Problem]:
    """Yield what is wrong with the setting."""
    given = getattr(settings, "PUBSUB", None)
    if not isinstance(given, Mapping):
        what = "is missing" if given is None else f"is {shown(given)}"
        yield Problem(1, f"The setting PUBSUB {what}.", "Expected a dictionary, for instance {'NAME': 'shop'}.")
        return
    for key in given:
        if key not in _MEMBERS:
            yield Problem(2, f"PUBSUB has an unknown key {key!r}.", f"Expected {', '.join(_MEMBERS)}.")
    for key, (number, check) in _MEMBERS.items():
        value = given.get(key, _DEFAULTS.get(key))
        try:
            check(value)
        except (PubSubError, ValueError) as error:
            yield Problem(number, f"PUBSUB[{key!r}] is {shown(value)}.", str(error))


def _check_name(name: object) -> None:
    if check_name("publisher", name) and len(str(name)) > _MAX_NAME:
        raise ValueError(f"Expected at most {_MAX_NAME} characters.")


def _check_app(path: object) -> None:
    if path is not None and not (isinstance(path, str) and all(map(str.isidentifier, path.split("."))) and "." in path):
        raise ValueError("Expected the path of an App, for instance 'shop.events.app'.")


def _check_service(address: Any) -> None:
    if address is not None:
        urls_of(address, "PUBSUB['SERVICE']")


def _check_database(alias: object) -> None:
    from django.db import connections  # noqa: PLC0415 - it reads the setting DATABASES

    if alias not in connections.settings:
        raise ValueError(f"Expected an alias of DATABASES: {', '.join(connections.settings)}.")
    vendor = connections[str(alias)].vendor
    if vendor not in ENGINES:
        raise ValueError(
            f"Expected a database of SQLite or PostgreSQL, whose transactions can hold events; got {vendor}."
        )


def _check_keep(seconds: object) -> None:
    check_seconds("It", seconds)


#: each member: the number of its system check's error, and its check
_MEMBERS: dict[str, tuple[int, Callable[[Any], None]]] = {
    "NAME": (3, _check_name),
    "APP": (4, _check_app),
    "SERVICE": (5, _check_service),
    "DATABASE": (6, _check_database),
    "KEEP_SENT": (7, _check_keep),
    "KEEP_PROCESSED": (7, _check_keep),
    "KEEP_RESULTS": (7, _check_keep),
}
