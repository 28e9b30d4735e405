"""What commands read of the service. Nothing here makes a name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pubsubclient._http.transport import Transport

__all__ = ["KINDS", "names", "state"]

KINDS = ("topic", "subscriber", "publisher")
_PAGE_SIZE = "1000"


def names(transport: Transport, kind: str) -> Iterator[str]:
    """Yield all names of a kind, in order. Raises ServiceError, Unavailable."""
    query = {kind: "", "page_size": _PAGE_SIZE}
    while True:
        page = transport.call("register", None, method="GET", query=query).body
        yield from page["names"]
        token = page.get("next_page_token")
        if not token:
            return
        query = {**query, "page_token": token}


def state(transport: Transport, kind: str, name: str) -> dict[str, Any]:
    """Return the service's description of a name. Raises NotFound, ServiceError, Unavailable."""
    return transport.call("register", None, method="GET", query={kind: name}).body
