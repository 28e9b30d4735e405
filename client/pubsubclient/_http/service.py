"""Which service to speak to, and how it is found."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pubsubclient._core.errors import ConfigurationError
from pubsubclient._http.identity import GivenToken, Identity, check_urls

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

__all__ = ["FUNCTIONS", "Service", "urls_of"]

#: the functions that a service consists of
FUNCTIONS = ("register", "publish", "subscribe", "get_events")

#: how long a constructor tries to reach a service that does not answer: a program is not to hang where it is imported
_START_DEADLINE_S = 5.0

Address = str | Mapping[str, str]


class Service:
    """A service to publish to and subscribe at, with how patiently to speak to it.

    Publishers and subscribers that are given equal services share connections.

    Args:
        address: a base URL that the functions' names are added to, for instance ``"http://127.0.0.1:8000"``; or
            one URL for each of ``register``, ``publish``, ``subscribe`` and ``get_events``
        adapter: a transport adapter of ``requests`` to send everything through
        identity: says who calls: `pubsubclient.gcp.GoogleIdentity`, or a token as it is. Sent over https, or to this machine
        deadline_s: how long one call may take over all its tries (plus what it was asked to wait), seconds
        connect_timeout_s: how long a try may take to connect, seconds
        read_timeout_s: how long a try may wait for its answer, seconds
        start_deadline_s: how long making a Publisher, a Subscriber or a Topic may take while nothing answers at the
            address, seconds; by default 5, or `deadline_s` if that is less

    Raises:
        ConfigurationError: an address is malformed or missing, no place to send a token to, or a time is none
    """

    def __init__(
        self,
        address: Address,
        *,
        adapter: BaseAdapter | None = None,
        identity: Identity | str | None = None,
        deadline_s: float = 60.0,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 30.0,
        start_deadline_s: float | None = None,
    ) -> None:
        self.urls = urls_of(address, "service")
        self.adapter = adapter
        self.identity = GivenToken(identity) if isinstance(identity, str) else identity
        if self.identity is not None:
            check_urls(self.urls.values())
        self.deadline_s = _time("deadline_s", deadline_s)
        self.connect_timeout_s = _time("connect_timeout_s", connect_timeout_s)
        self.read_timeout_s = _time("read_timeout_s", read_timeout_s)
        if start_deadline_s is None:
            start_deadline_s = min(_START_DEADLINE_S, self.deadline_s)
        self.start_deadline_s = _time("start_deadline_s", start_deadline_s)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Service) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Service({self.urls!r})"

    @property
    def store(self) -> str:
        """What tells the store behind this service from others: where events are published."""
        return self.urls["publish"]

    def _key(self) -> tuple[Any, ...]:
        times = self.deadline_s, self.connect_timeout_s, self.read_timeout_s, self.start_deadline_s
        return (*(self.urls[function] for function in FUNCTIONS), self.adapter, self.identity, *times)


def _time(name: str, seconds: object) -> float:
    """A time, seconds. Raises ConfigurationError."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= threading.TIMEOUT_MAX:
        raise ConfigurationError(f"{name} is expected to be a number of seconds above 0; got {seconds!r}.")
    return float(seconds)


def urls_of(address: object, source: str) -> dict[str, str]:
    """One URL per function from an address of either kind; `source` says in errors where it stands."""
    if isinstance(address, str):
        base = _check_url(address, source).rstrip("/")
        return {function: f"{base}/{function}" for function in FUNCTIONS}
    if not isinstance(address, Mapping):
        raise ConfigurationError(
            f"{source}: expected a base URL, or one URL for each of {', '.join(FUNCTIONS)}; got {address!r}."
        )
    missing = [function for function in FUNCTIONS if function not in address]
    if missing:
        raise ConfigurationError(f"{source}: no URL for {', '.join(missing)}.")
    return {function: _check_url(address[function], f"{source}: {function}") for function in FUNCTIONS}


def _check_url(url: object, source: str) -> str:
    if not isinstance(url, str):
        raise ConfigurationError(f"{source}: expected a URL; got {url!r}.")
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is not a port
    except ValueError as e:
        raise ConfigurationError(f"{source}: {url!r} is not a URL: {e}.") from e
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            f"{source}: expected a URL that begins with http:// or https:// and names a host, for instance "
            f"http://127.0.0.1:8000; got {url!r}."
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(f"{source}: expected a URL without user, query and fragment.")
    return url
