"""The wire format of a request to remove a name: ``DELETE /register``."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from pubsubservice.api.decoding import decode
from pubsubservice.core.names import check_name
from pubsubservice.core.problems import BadRequest
from pubsubservice.subscribers.tokens import check_token

__all__ = ["Remove", "RemoveBody", "decode_remove"]


class RemoveBody(msgspec.Struct, forbid_unknown_fields=True):
    publisher: str | None = None
    subscriber: str | None = None
    #: made by the caller before its first try; expected
    token: str | None = None
    #: of a subscriber: drop dead letters that cannot be published
    force: bool = False


class Remove(NamedTuple):
    """A checked request to remove a name."""

    #: "subscriber" or "publisher"
    kind: str
    name: str
    token: str | None
    force: bool


def decode_remove(body: bytes) -> Remove:
    """Decode and check a request to remove a name. Raises BadRequest."""
    request = decode(RemoveBody, body)
    named = [kind for kind in ("publisher", "subscriber") if getattr(request, kind) is not None]
    if len(named) != 1:
        raise BadRequest("invalid_request", 'Exactly one of "publisher" and "subscriber" is expected.')
    kind, name = named[0], getattr(request, named[0])
    check_name(kind, name)
    if request.force and kind == "publisher":
        raise BadRequest(
            "invalid_request", 'force is expected with "subscriber" only: a publisher has no dead letters.'
        )
    token = request.token if request.token is None else check_token(request.token, "token")
    return Remove(kind, name, token, request.force)
