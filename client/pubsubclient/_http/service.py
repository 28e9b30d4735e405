"""Which service to speak to, and how it is found."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pubsubclient._core.errors import ConfigurationError
from pubsubclient._http.identity import GivenToken, Identity, check_urls, of_config, of_environment

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

__all__ = ["FUNCTIONS", "SETTING", "Service", "configure", "find_service"]

#: the functions that a service consists of
FUNCTIONS = ("register", "publish", "subscribe", "get_events")
#: what names the service in the environment and in config.json
SETTING = "PUBLISH_SUBSCRIBE_SERVICE"
CONFIG_FILE = "config.json"

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
        self.urls = _urls(address, "service")
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


_default_address: Address | None = None
_default_identity: Identity | str | None = None
_make_service: Callable[..., Service] = Service


def configure(
    service: Address | None = None,
    *,
    adapter: BaseAdapter | None = None,
    identity: Identity | str | None = None,
    deadline_s: float = 60.0,
    connect_timeout_s: float = 5.0,
    read_timeout_s: float = 30.0,
    start_deadline_s: float | None = None,
) -> None:
    """Set this process's default service, and how to speak to a service given by its address alone.

    What is not given goes back to its default; without `service` it is found in the environment or in
    config.json again. Publishers and subscribers that exist are not changed. The arguments are those of `Service`.

    Raises:
        ConfigurationError: an address is malformed or missing
    """
    global _default_address, _default_identity, _make_service
    make = partial(
        Service,
        adapter=adapter,
        deadline_s=deadline_s,
        connect_timeout_s=connect_timeout_s,
        read_timeout_s=read_timeout_s,
        start_deadline_s=start_deadline_s,
    )
    if service is not None:
        make(service, identity=identity)  # raises now rather than at the first use
    _default_address, _default_identity, _make_service = service, identity, make


def find_service(given: Address | Service | None = None) -> Service:
    """The service to use: as given, else as configured, from the environment, or from config.json.

    Raises ConfigurationError if none of these names one, or the first that does is malformed.
    """
    if isinstance(given, Service):
        return given
    address = given if given is not None else _default_address
    identity = _default_identity or of_environment()
    if address is None:
        address = _from_environment()
    passed_over: list[str] = []
    if address is None:
        address, of_file = _from_file(passed_over)
        identity = identity or of_file
    if address is None:
        raise ConfigurationError(
            "No service is named. Name one by the argument service=, by pubsubclient.configure(service=...), by "
            f"{SETTING} in the environment, or by {SETTING} in a {CONFIG_FILE} in the working directory or a "
            f"directory above it ({_working_directory() or 'which is gone'}); for instance http://127.0.0.1:8000."
            + "".join(f" {path} names none." for path in passed_over)
        )
    return _make_service(address, identity=identity)


def _from_environment() -> Address | None:
    text = os.environ.get(SETTING, "").strip()
    source = f"{SETTING} in the environment"
    return _urls(_parse(text, source) if text.startswith("{") else text, source) if text else None


def _from_file(passed_over: list[str]) -> tuple[Address | None, Identity | None]:
    """What the nearest config.json that holds our setting says; one that does not is somebody else's, and `passed_over`."""
    directory = _working_directory()
    for above in (directory, *directory.parents) if directory else ():
        path = above / CONFIG_FILE
        try:
            text = path.read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            continue
        except OSError as e:
            raise ConfigurationError(f"{path} cannot be read: {e}.") from e
        settings = _parse(text, str(path))
        if isinstance(settings, dict) and SETTING in settings:
            return _urls(settings[SETTING], f"{SETTING} in {path}"), of_config(settings, str(path))
        meant = [key for key in settings if _letters(key) == _letters(SETTING)] if isinstance(settings, dict) else ()
        if meant:
            raise ConfigurationError(f"{path} has the key {meant[0]!r}: write it as {SETTING!r}.")
        passed_over.append(str(path))
    return None, None


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return None


def _letters(key: str) -> str:
    """What is left of a key that somebody wrote from memory."""
    return "".join(filter(str.isalnum, key)).lower()


def _parse(text: str | bytes, source: str) -> Any:
    try:
        return json.loads(
            text
        )  # bytes in UTF-8, -16 or -32, with a byte order mark or not: editors of Windows write them
    except UnicodeDecodeError as e:
        raise ConfigurationError(f"{source} is not text in UTF-8: {e}. Save it as UTF-8.") from e
    except ValueError as e:
        raise ConfigurationError(f"{source} is not JSON: {e}.") from e
    except RecursionError as e:
        raise ConfigurationError(f"{source} is not JSON of ours: it is nested too deeply.") from e


def _time(name: str, seconds: object) -> float:
    """A time, seconds. Raises ConfigurationError."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= threading.TIMEOUT_MAX:
        raise ConfigurationError(f"{name} is expected to be a number of seconds above 0; got {seconds!r}.")
    return float(seconds)


def _urls(address: object, source: str) -> dict[str, str]:
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
