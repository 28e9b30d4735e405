"""Who calls: the headers that say so, and where they may be sent."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from pubsubclient._core.errors import ConfigurationError

__all__ = ["GivenToken", "Identity", "TokenUnavailable", "check_urls", "identity_headers", "is_loopback"]


_PRINTABLE = re.compile(r"[\x21-\x7e]+")


class Identity(Protocol):
    """Says who calls; thread-safe, and equal to others that say the same."""

    def headers(self, function: str, url: str) -> Mapping[str, str]:
        """The headers for a call of a function at its URL; asked for anew for each try.

        Raises IdentityError if there are none to be had.
        """


class TokenUnavailable(Exception):  # noqa: N818 - as in _core.errors
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


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine by its very name."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.rstrip(".").lower()
        return name == "localhost" or name.endswith(".localhost")
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
