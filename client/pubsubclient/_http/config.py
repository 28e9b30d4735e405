"""Finds the service and the identity to use: from `configure`, the environment, or config.json."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pubsubclient._core.errors import ConfigurationError, NoServiceNamed
from pubsubclient._http.identity import GivenToken, Identity
from pubsubclient._http.service import Address, Service, urls_of

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

__all__ = [
    "CONFIG_FILE",
    "SETTING",
    "TOKEN_SETTING",
    "address_of_environment",
    "address_of_file",
    "adopted",
    "configure",
    "default_settings",
    "find_service",
    "identity_of_config",
    "identity_of_environment",
]

#: the variable of the environment, and the key of config.json, that holds the service's address
SETTING = "PUBLISH_SUBSCRIBE_SERVICE"
CONFIG_FILE = "config.json"
#: the variable of the environment that holds a token to send unchanged
TOKEN_SETTING = "PUBLISH_SUBSCRIBE_TOKEN"  # noqa: S105 - a name
#: the keys of config.json that configure the identity
_KEYS = ("identity", "audiences", "impersonate")

#: set by `configure`
_default_address: Address | None = None
_default_identity: Identity | str | None = None
_make_service: Callable[..., Service] = Service
#: set by `adopted`: the default before all others
_adopted: Service | None = None


def identity_of_environment() -> Identity | None:
    """Return the token in the environment; None if it holds none."""
    token = os.environ.get(TOKEN_SETTING, "").strip()
    return GivenToken(token, f"{TOKEN_SETTING} in the environment") if token else None


def identity_of_config(settings: Mapping[str, Any], source: str) -> Identity | None:
    """Return the identity that a config.json configures; None if it configures none. `source` names the file in errors."""
    kind, audiences, impersonate = (settings.get(key) for key in _KEYS)
    if kind is None and audiences is None and impersonate is None:
        return None
    if kind not in (None, "google"):
        raise ConfigurationError(f'identity in {source}: "google" is expected; got {kind!r}.')
    from pubsubclient._http.google_identity import GoogleIdentity  # noqa: PLC0415 - imported only if it is used

    try:
        return GoogleIdentity(audiences=audiences, impersonate=impersonate)
    except ConfigurationError as error:
        raise type(error)(f"{source}: {error}") from error


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
    """Set this process's default service, and the options for services that are given by their address alone.

    Each call sets all options: omitted ones return to their defaults. Without `service`, the address comes from the
    environment or config.json again. Existing publishers and subscribers are not changed. For the arguments see `Service`.

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
        make(service, identity=identity)  # so that a malformed address raises here, not at the first use
    _default_address, _default_identity, _make_service = service, identity, make


def find_service(given: Address | Service | None = None) -> Service:
    """Return the service to use: the given one, else that of `configure`, of the environment, or of config.json.

    Raises ConfigurationError if none of these names a service, or if the first address found is malformed.
    """
    if isinstance(given, Service):
        return given
    if given is None and _adopted is not None:
        return _adopted
    address = given if given is not None else _default_address
    identity = _default_identity or identity_of_environment()
    if address is None:
        address = address_of_environment()
    other_files: list[str] = []
    if address is None:
        address, file_identity = address_of_file(other_files)
        identity = identity or file_identity
    if address is None:
        raise NoServiceNamed(
            "No service is named. Name one by the argument service=, by pubsubclient.configure(service=...), by "
            f"{SETTING} in the environment, or by {SETTING} in a {CONFIG_FILE} in the working directory or a "
            f"directory above it ({_working_directory() or 'which is gone'}); for instance "
            "http://127.0.0.1:8000, where `pubsub emulator` listens."
            + "".join(f" {path} names none." for path in other_files)
        )
    return _make_service(address, identity=identity)


def default_settings() -> object:
    """Return an object that stands for the settings of the default service: another one after each `configure`."""
    return _adopted or _make_service


@contextmanager
def adopted(service: Service) -> Iterator[None]:
    """Make a service the default of the process for the length of the block, whatever is configured."""
    global _adopted
    before, _adopted = _adopted, service
    try:
        yield
    finally:
        _adopted = before


def address_of_environment() -> Address | None:
    """Return the address in the environment; None if it names no service. Raises ConfigurationError."""
    text = os.environ.get(SETTING, "").strip()
    source = f"{SETTING} in the environment"
    return urls_of(_parse(text, source) if text.startswith("{") else text, source) if text else None


def address_of_file(other_files: list[str]) -> tuple[Address | None, Identity | None]:
    """Return address and identity of the nearest config.json with our key; None if there is none. Raises ConfigurationError.

    Files without the key belong to other programs; they are added to `other_files`.
    """
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
            return urls_of(settings[SETTING], f"{SETTING} in {path}"), identity_of_config(settings, str(path))
        misspelt = [key for key in settings if _letters(key) == _letters(SETTING)] if isinstance(settings, dict) else ()
        if misspelt:
            raise ConfigurationError(f"{path} has the key {misspelt[0]!r}: write it as {SETTING!r}.")
        other_files.append(str(path))
    return None, None


def _parse(text: str | bytes, source: str) -> Any:
    try:
        # json detects UTF-8, UTF-16 and UTF-32, with or without a byte order mark, which editors on Windows write
        return json.loads(text)
    except UnicodeDecodeError as e:
        raise ConfigurationError(f"{source} is not text in UTF-8: {e}. Save it as UTF-8.") from e
    except ValueError as e:
        raise ConfigurationError(f"{source} is not JSON: {e}.") from e
    except RecursionError as e:
        raise ConfigurationError(f"{source} is nested too deeply to be read as JSON.") from e


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return None


def _letters(key: str) -> str:
    """Reduce a key to its letters and digits, in lower case, to recognise misspelt keys."""
    return "".join(filter(str.isalnum, key)).lower()
