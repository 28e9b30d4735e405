"""The names that a shell completes. Silent on every failure, and quick: no requests, no second try."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import click

__all__ = ["names_of"]

#: for the connection and for each read of the answer, seconds
_TIMEOUT_S = 0.25
_MAX_NAMES = 1_000
_MAX_BYTES = 1_000_000


def names_of(kind: str, ctx: click.Context | None = None) -> list[str]:
    """Return up to 1,000 names of a kind; none if the service does not answer at once."""
    try:
        return _ask(kind, _option(ctx, "--service"), _option(ctx, "--token"))
    except Exception:  # noqa: BLE001 - what a shell would print here is in the user's way
        return []


def _ask(kind: str, address: str | None, token: str | None) -> list[str]:
    from pubsubclient._http.config import find_service  # noqa: PLC0415 - needs no requests
    from pubsubclient._http.service import Service  # noqa: PLC0415

    service = Service(address, identity=token) if address else find_service()
    url = service.urls["register"]
    parts = urlsplit(url)
    kinds: dict[str, Callable[..., http.client.HTTPConnection]]
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=_TIMEOUT_S)
    query = urlencode({kind: "", "page_size": _MAX_NAMES})
    headers = service.identity.headers("register", url) if service.identity else {}
    try:
        connection.request("GET", f"{parts.path}?{query}", headers={**headers, "Accept": "application/json"})
        names: list[str] = json.loads(connection.getresponse().read(_MAX_BYTES))["names"]
        return names
    finally:
        connection.close()


def _option(ctx: click.Context | None, name: str) -> str | None:
    """Return an option of the line being completed; click parses it, but keeps it from a command's own parameters."""
    common = ctx.find_root().obj if ctx is not None else None
    return getattr(common, name.removeprefix("--"), None)
