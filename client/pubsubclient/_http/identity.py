"""The caller's identity: its headers, and the URLs that they may be sent to."""

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
    """Identifies the caller. Thread-safe; identities that send the same headers are equal."""

    def headers(self, function: str, url: str) -> Mapping[str, str]:
        """Return the headers for a call of a function at its URL. Called once for each try.

        Raises IdentityError if there are no valid credentials.
        """


class TokenUnavailable(Exception):  # noqa: N818 - as in _core.errors
    """No token can be fetched at the moment; another try may succeed."""


class GivenToken:
    """A token that is sent unchanged. The constructor raises ConfigurationError for characters that no header may have."""

    def __init__(self, token: str, source: str = "identity") -> None:
        if not _PRINTABLE.fullmatch(token):
            raise ConfigurationError(f"{source}: a token of printable ASCII is expected, without spaces.")
        self._token = token

    def headers(self, function: str, url: str) -> Mapping[str, str]:  # noqa: ARG002 - the same for every function
        return identity_headers(self._token, self._token)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GivenToken) and self._token == other._token

    def __hash__(self) -> int:
        return hash(self._token)


def identity_headers(for_iam: str, for_service: str) -> Mapping[str, str]:
    """Return the two headers of a call: Cloud Run checks the first and redacts its signature; the service checks the other."""
    return {"X-Serverless-Authorization": f"Bearer {for_iam}", "X-Pubsub-Token": for_service}


def check_urls(urls: Iterable[str]) -> None:
    """Raise ConfigurationError for http:// URLs of other machines, where others could read the token."""
    for url in urls:
        if urlsplit(url).scheme != "https" and not is_loopback(url):
            raise ConfigurationError(
                f"A token is sent over https:// only, or to this machine; the service is at {url}."
            )


def is_loopback(url: str) -> bool:
    """Whether a URL's host is localhost or a loopback address; names are not resolved."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.rstrip(".").lower()
        return name == "localhost" or name.endswith(".localhost")
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
