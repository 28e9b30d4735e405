"""Who calls: the headers that say so, and where they may be sent."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from pubsubclient._core.errors import ConfigurationError

__all__ = [
    "TOKEN_SETTING",
    "GivenToken",
    "Identity",
    "TokenUnavailable",
    "check_urls",
    "identity_headers",
    "is_loopback",
    "of_config",
    "of_environment",
]

#: a token to send as it is, in the environment
TOKEN_SETTING = "PUBLISH_SUBSCRIBE_TOKEN"  # noqa: S105 - a name
#: keys of config.json beside the service's
_KEYS = ("identity", "audiences", "impersonate")

_PRINTABLE = re.compile(r"[\x21-\x7e]+")


class Identity(Protocol):
    """Says who calls; thread-safe, and equal to others that say the same."""

    def headers(self, function: str, url: str) -> Mapping[str, str]:
        """The headers for a call of a function at its URL; asked for anew for each try.

        Raises IdentityError if there are none to be had.
        """


class TokenUnavailable(Exception):  # noqa: N818 - as in _errors
    """There is no token now; there may be one in a moment."""


class GivenToken:
    """A token that is sent as it is; raises ConfigurationError if it cannot be one."""

    def __init__(self, token: str, source: str = "identity") -> None:
        if not _PRINTABLE.fullmatch(token):
            raise ConfigurationError(f"{source}: a token of printable ASCII is expected, without spaces.")
        self._token = token

    def headers(self, function: str, url: str) -> Mapping[str, str]:  # noqa: ARG002 - the same for each
        return identity_headers(self._token, self._token)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GivenToken) and self._token == other._token

    def __hash__(self) -> int:
        return hash(self._token)


def identity_headers(for_iam: str, for_service: str) -> Mapping[str, str]:
    """The two headers of a call: one is checked by Cloud Run, which then spoils it, the other by the service itself."""
    return {"X-Serverless-Authorization": f"Bearer {for_iam}", "X-Pubsub-Token": for_service}


def check_urls(urls: Iterable[str]) -> None:
    """Refuse to send a token where others can read it: raises ConfigurationError for http:// beyond this machine."""
    for url in urls:
        if urlsplit(url).scheme != "https" and not is_loopback(url):
            raise ConfigurationError(
                f"A token is sent over https:// only, or to this machine; the service is at {url}."
            )


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
    from pubsubclient.gcp import GoogleIdentity  # noqa: PLC0415 - only who asks for it pays for it

    try:
        return GoogleIdentity(audiences=audiences, impersonate=impersonate)
    except ConfigurationError as error:
        raise type(error)(f"{source}: {error}") from error


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine by its very name."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.rstrip(".").lower()
        return name == "localhost" or name.endswith(".localhost")
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
