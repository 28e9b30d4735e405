"""Calls that carry a token of the store's time, which the service compares with those of other calls."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Literal

from pubsubclient._core.errors import ServiceError
from pubsubclient._http.transport import Transport

__all__ = ["call_with_token"]

#: how many responses in a row may say that a token is too old; more mean that something is wrong
_MAX_OLDER = 20


def call_with_token(
    transport: Transport, function: str, method: Literal["POST", "DELETE"], request: Mapping[str, Any]
) -> None:
    """Call a function with a new token, and with a newer one while the service says that it is too old.

    A token is too old if this process's estimate of the store time was behind: consumers of one name start together, or this
    one was idle for long. The response has corrected the estimate, so the next token is new enough. But not after a try
    without a response: it may have taken effect before the other call, which a second try would undo.

    Raises ServiceError, Unavailable.
    """
    for tries in itertools.count(1):
        token = transport.token(function)
        try:
            transport.call(function, {**request, "token": token}, method=method)
        except ServiceError as error:
            if error.code != "older_token" or error.uncertain or tries == _MAX_OLDER:
                raise
        else:
            return
