"""Removes names."""

from __future__ import annotations

from pubsubclient._core.errors import ServiceError
from pubsubclient._http.fresh_tokens import call_with_token
from pubsubclient._http.transport import Transport
from pubsubclient.cli.failures import too_old

__all__ = ["remove"]


def remove(transport: Transport, kind: str, name: str, *, force: bool = False) -> None:
    """Remove a subscriber or publisher, if it is there; `force` drops dead letters that no topic takes.

    Something was called with `transport` before. Raises ServiceError, Unavailable.
    """
    request = {kind: name, **({"force": True} if force else {})}
    try:
        call_with_token(transport, "register", "DELETE", request)
    except ServiceError as error:
        raise too_old(error, "remove names") from error
