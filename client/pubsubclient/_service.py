"""Which service to speak to, and how it is found."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pubsubclient._errors import ConfigurationError
from pubsubclient._identity import GivenToken, Identity, check_urls, of_config, of_environment

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

__all__ = ["FUNCTIONS", "SETTING", "Service", "configure", "find_service"]

#: the functions that a service consists of
FUNCTIONS = ("register", "publish", "subscribe", "get_events")
#: what names the service in the environment and in config.json
SETTING = "PUBLISH_SUBSCRIBE_SERVICE"
CONFIG_FILE = "config.json"

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
            address, seconds

    Raises:
        ConfigurationError: an address is malformed or missing, or no place to send a token to
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
        start_deadline_s: float = 5.0,
    ) -> None:
        self.urls = _urls(address, "service")
        self.adapter = adapter
        self.identity = GivenToken(identity) if isinstance(identity, str) else identity
        if self.identity is not None:
            check_urls(self.urls.values())
        self.deadline_s = deadline_s
        self.connect_timeout_s = connect_timeout_s
        self.read_timeout_s = read_timeout_s
        self.start_deadline_s = start_deadline_s
        for name in ("deadline_s", "connect_timeout_s", "read_timeout_s", "start_deadline_s"):
            seconds = getattr(self, name)
            if not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
                raise ConfigurationError(f"{name}: expected seconds above 0; got {seconds!r}.")

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
        urls = tuple(self.urls[function] for function in FUNCTIONS)
        patience = (self.deadline_s, self.connect_timeout_s, self.read_timeout_s, self.start_deadline_s)
        return (*urls, self.adapter, self.identity, *patience)


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
    start_deadline_s: float = 5.0,
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
    if address is None:
        address, of_file = _from_file()
        identity = identity or of_file
    if address is None:
        raise ConfigurationError(
            "No service is named. Name one by the argument service=, by pubsubclient.configure(service=...), by "
            f"{SETTING} in the environment, or by {SETTING} in a {CONFIG_FILE} in the working directory or a "
            f"directory above it ({Path.cwd()}); for instance http://127.0.0.1:8000."
        )
    return _make_service(address, identity=identity)


def _from_environment() -> Address | None:
    text = os.environ.get(SETTING, "").strip()
    if not text.startswith("{"):
        return text or None
    source = f"{SETTING} in the environment"
    return _urls(_parse(text, source), source)


def _from_file() -> tuple[Address | None, Identity | None]:
    """What the nearest config.json that holds our setting says; one that does not is somebody else's."""
    for directory in (Path.cwd(), *Path.cwd().parents):
        path = directory / CONFIG_FILE
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError) as e:
            raise ConfigurationError(f"{path} cannot be read: {e}.") from e
        settings = _parse(text, str(path))
        if isinstance(settings, dict) and SETTING in settings:
            return _urls(settings[SETTING], f"{SETTING} in {path}"), of_config(settings, str(path))
    return None, None


def _parse(text: str, source: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as e:
        raise ConfigurationError(f"{source} is not JSON: {e}.") from e


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
            f"{source}: expected a URL that begins with http:// or https:// and names a host; got {url!r}."
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(f"{source}: expected a URL without user, query and fragment.")
    return url
