"""Where programs say which service they use, and who they are: `configure`, the environment, config.json."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pubsubclient._core.errors import ConfigurationError
from pubsubclient._http.identity import GivenToken, Identity
from pubsubclient._http.service import Address, Service, urls_of

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

__all__ = ["CONFIG_FILE", "SETTING", "TOKEN_SETTING", "configure", "find_service", "of_config", "of_environment"]

#: what names the service in the environment and in config.json
SETTING = "PUBLISH_SUBSCRIBE_SERVICE"
CONFIG_FILE = "config.json"
#: a token to send as it is, in the environment
TOKEN_SETTING = "PUBLISH_SUBSCRIBE_TOKEN"  # noqa: S105 - a name
#: keys of config.json beside the service's
_KEYS = ("identity", "audiences", "impersonate")

#: what `configure` said
_default_address: Address | None = None
_default_identity: Identity | str | None = None
_make_service: Callable[..., Service] = Service


def of_environment() -> Identity | None:
    """The token that the environment holds, if it does."""
    token = os.environ.get(TOKEN_SETTING, "").strip()
    return GivenToken(token, f"{TOKEN_SETTING} in the environment") if token else None


def of_config(settings: Mapping[str, Any], source: str) -> Identity | None:
    """The identity that a config.json asks for, if it does; `source` says in errors where it stands."""
    kind, audiences, impersonate = (settings.get(key) for key in _KEYS)
    if kind is None and audiences is None and impersonate is None:
        return None
    if kind not in (None, "google"):
        raise ConfigurationError(f'identity in {source}: "google" is expected; got {kind!r}.')
    from pubsubclient._http.google_identity import GoogleIdentity  # noqa: PLC0415 - only who asks for it pays for it

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
    return urls_of(_parse(text, source) if text.startswith("{") else text, source) if text else None


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
            return urls_of(settings[SETTING], f"{SETTING} in {path}"), of_config(settings, str(path))
        meant = [key for key in settings if _letters(key) == _letters(SETTING)] if isinstance(settings, dict) else ()
        if meant:
            raise ConfigurationError(f"{path} has the key {meant[0]!r}: write it as {SETTING!r}.")
        passed_over.append(str(path))
    return None, None


def _parse(text: str | bytes, source: str) -> Any:
    try:
        # bytes in UTF-8, -16 or -32, with a byte order mark or not: editors of Windows write them
        return json.loads(text)
    except UnicodeDecodeError as e:
        raise ConfigurationError(f"{source} is not text in UTF-8: {e}. Save it as UTF-8.") from e
    except ValueError as e:
        raise ConfigurationError(f"{source} is not JSON: {e}.") from e
    except RecursionError as e:
        raise ConfigurationError(f"{source} is not JSON of ours: it is nested too deeply.") from e


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return None


def _letters(key: str) -> str:
    """What is left of a key that somebody wrote from memory."""
    return "".join(filter(str.isalnum, key)).lower()
