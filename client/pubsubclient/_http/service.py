"""A service: its URLs, the caller's identity, deadlines and timeouts."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pubsubclient._core.clock import SYSTEM_CLOCK, Clock
from pubsubclient._core.errors import ConfigurationError, InvalidAddress
from pubsubclient._http.identity import GivenToken, Identity, check_urls

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

__all__ = ["FUNCTIONS", "Service", "urls_of"]

#: the functions of a service
FUNCTIONS = ("register", "publish", "subscribe", "get_events")

#: how long a constructor tries to reach a service, seconds. Short, because programs call constructors at import
_START_DEADLINE_S = 5.0

Address = str | Mapping[str, str]


class Service:
    """A service to publish to and subscribe at, with deadlines and timeouts.

    Publishers and subscribers with equal services share connections.

    Args:
        address: a base URL to which the functions' names are appended, for instance ``"http://127.0.0.1:8000"``; or
            one URL for each of ``register``, ``publish``, ``subscribe`` and ``get_events``
        adapter: a transport adapter of ``requests`` that sends all requests
        identity: the caller's identity: `pubsubclient.gcp.GoogleIdentity`, or a token that is sent unchanged. Sent only over
            https, or to this machine
        deadline_s: the deadline of one call with all its tries, seconds; the `wait` of a call is added
        connect_timeout_s: the timeout for connecting, for each try, seconds
        read_timeout_s: the timeout for the response, for each try, seconds
        start_deadline_s: the deadline of the constructors of Publisher, Subscriber and Topic while nothing responds at the
            address, seconds; by default 5, or `deadline_s` if that is less
        clock: what tells the time and waits, for publishers and subscribers of this service; by default the real one

    Raises:
        ConfigurationError: an address is malformed or missing, or must not get a token; or a time is not valid
    """

    #: a class attribute too, because pickles of an older version lack it
    clock: Clock = SYSTEM_CLOCK

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
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.urls = urls_of(address, "service")
        self.adapter = adapter
        self.identity = GivenToken(identity) if isinstance(identity, str) else identity
        if self.identity is not None:
            check_urls(self.urls.values())
        self.deadline_s = _check_time("deadline_s", deadline_s)
        self.connect_timeout_s = _check_time("connect_timeout_s", connect_timeout_s)
        self.read_timeout_s = _check_time("read_timeout_s", read_timeout_s)
        if start_deadline_s is None:
            start_deadline_s = min(_START_DEADLINE_S, self.deadline_s)
        self.start_deadline_s = _check_time("start_deadline_s", start_deadline_s)
        if clock is not SYSTEM_CLOCK:
            self.clock = clock

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Service) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Service({self.urls!r})"

    @property
    def store(self) -> str:
        """Identifies the store behind this service: the URL of publish."""
        return self.urls["publish"]

    def _key(self) -> tuple[Any, ...]:
        times = self.deadline_s, self.connect_timeout_s, self.read_timeout_s, self.start_deadline_s
        return (*(self.urls[function] for function in FUNCTIONS), self.adapter, self.identity, *times, self.clock)


def _check_time(name: str, seconds: object) -> float:
    """Return a valid time, seconds. Raises ConfigurationError."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= threading.TIMEOUT_MAX:
        raise ConfigurationError(f"{name} is expected to be a number of seconds above 0; got {seconds!r}.")
    return float(seconds)


def urls_of(address: object, source: str) -> dict[str, str]:
    """Return one URL per function, from a base URL or a mapping; `source` says in errors where the address comes from."""
    if isinstance(address, str):
        base = _check_url(address, source).rstrip("/")
        return {function: f"{base}/{function}" for function in FUNCTIONS}
    if not isinstance(address, Mapping):
        raise InvalidAddress(
            f"{source}: expected a base URL, or one URL for each of {', '.join(FUNCTIONS)}; got {address!r}."
        )
    missing = [function for function in FUNCTIONS if function not in address]
    if missing:
        raise InvalidAddress(f"{source}: no URL for {', '.join(missing)}.")
    return {function: _check_url(address[function], f"{source}: {function}") for function in FUNCTIONS}


def _check_url(url: object, source: str) -> str:
    if not isinstance(url, str):
        raise InvalidAddress(f"{source}: expected a URL; got {url!r}.")
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError for an invalid port
    except ValueError as e:
        raise InvalidAddress(f"{source}: {url!r} is not a URL: {e}.") from e
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidAddress(
            f"{source}: expected a URL that begins with http:// or https:// and names a host, for instance "
            f"http://127.0.0.1:8000; got {url!r}."
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidAddress(f"{source}: expected a URL without user, query and fragment.")
    return url
