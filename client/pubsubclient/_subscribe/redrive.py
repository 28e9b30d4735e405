"""Redrive: asks the service, step by step, to publish dead letters again in the topics that they came from."""

from __future__ import annotations

from typing import Any

from pubsubclient._core.errors import ServiceError
from pubsubclient._core.filters import Filters
from pubsubclient._http.responses import bad_response
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.client_redrive import client_redrive
from pubsubclient._subscribe.descriptions import read_state

__all__ = ["redrive"]


def redrive(transport: Transport, subscriber: str, topics: str, filters: Filters) -> int:
    """Redrive a subscriber's dead letters; returns how many. See `Subscriber.redrive`."""
    request: dict[str, Any] = {"subscriber": subscriber, "topic": topics, "redrive": {"filters": filters}}
    total, refused = 0, False
    while True:
        try:
            body = transport.call("subscribe", request).body
        except ServiceError as error:
            if error.code != "unknown_field" or "token" in request:
                raise
            refused = True  # an older service, which takes no redrive
            break
        try:
            total += body["redriven"]
            refused = refused or bool(body.get("refused"))
            if not body["more"]:
                break
            request["token"] = body["token"]
        except (KeyError, TypeError) as e:
            raise bad_response("subscribe", f"it is of no redrive ({e!r})") from e
    if refused:
        # the dead letters stay. Published from here, those that the service refuses again are in the PublishError
        state = transport.call("register", None, method="GET", query={"subscriber": subscriber})
        total += client_redrive(transport, read_state(state.body), topics, filters)
    return total
