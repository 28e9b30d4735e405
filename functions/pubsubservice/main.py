"""The HTTP functions: each decodes and checks a request, calls the service, and encodes the response.

Each is deployed by its name in `FUNCTIONS`; ``functions/main.py`` re-exports them for the functions framework.
``docs/protocol.md`` describes their requests and responses.
"""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request

from pubsubservice.api.cloudevents import decode_published
from pubsubservice.api.decoding import decode, encode
from pubsubservice.api.endpoint import HttpResponse, endpoint, json_body, query
from pubsubservice.api.get_events import decode_get_events, encode_response
from pubsubservice.api.peek import PARAMETERS, decode_peek, encode_peek
from pubsubservice.api.publish import encode_receipts
from pubsubservice.api.register import ExpireBody, Explain, decode_register, decode_registered
from pubsubservice.api.removal import decode_remove
from pubsubservice.api.subscribe import decode_subscribe, decode_unsubscribe
from pubsubservice.redrive.redriving import Redrive
from pubsubservice.service import Service

__all__ = ["FUNCTIONS", "expire", "get_events", "publish", "register", "subscribe"]

#: the names of the functions in URLs, Terraform and the SDK
FUNCTIONS = ("register", "publish", "subscribe", "get_events", "expire")


@endpoint("POST", "GET", "DELETE")
def register(request: Request, service: Service) -> HttpResponse:
    """Get or create a publisher, subscriber or topic, or explain an event.

    GET shows one, lists names, or explains; DELETE removes a publisher or subscriber.
    """
    if request.method == "GET":
        return _registered(request, service)
    if request.method == "DELETE":
        kind, name, token, force = decode_remove(json_body(request))
        service.removal.remove(kind, name, token, force=force)
        return HttpResponse(b"", {kind: name, "removed": 1}, 204)
    body = decode_register(json_body(request))
    if isinstance(body, Explain):
        return _explained(body, service)
    if body.publisher is not None:
        state, created = {"publisher": body.publisher}, service.topics.register_publisher(body.publisher)
        log: dict[str, str | int] = {"publisher": body.publisher}
    elif body.subscriber is not None:
        state, created = service.subscriptions.register(body.subscriber)
        log = {"subscriber": body.subscriber}
    else:
        topic, created = service.topics.register(
            body.topic or "", body.partitions, body.retention_s, update=body.update
        )
        state, log = topic.as_json(), {"topic": topic.name}
    log["created"] = int(created)
    return HttpResponse(encode(state), log, 201 if created else 200)


@endpoint("POST")
def publish(request: Request, service: Service) -> HttpResponse:
    """Append events to a topic, each once; respond with their sequences. A status of 2xx means that all are stored."""
    body = decode_published(request)
    log: dict[str, str | int] = {"topic": body.topic, "publisher": body.publisher, "events": len(body.entries)}
    if not body.entries:
        return HttpResponse(encode({"events": []}), log)
    partition, commits = service.publish(
        body.topic, body.publisher, body.entries, body.since, body.delay_s, far=body.far
    )
    return HttpResponse(encode_receipts(partition, body.entries, commits), log)


@endpoint("POST", "DELETE")
def subscribe(request: Request, service: Service) -> HttpResponse:
    """Create or change a subscription of a subscriber to a topic or pattern, or redrive dead letters; DELETE ends it."""
    if request.method == "DELETE":
        leave = decode_unsubscribe(json_body(request))
        service.subscriptions.unsubscribe(leave.subscriber, leave.topic, leave.token)
        return HttpResponse(b"", {"subscriber": leave.subscriber, "topic": leave.topic}, 204)
    body = decode_subscribe(json_body(request))
    if isinstance(body, Redrive):
        done = service.redriving.redrive(body)
        log: dict[str, str | int] = {"subscriber": body.subscriber, "topic": body.topic, "redriven": done["redriven"]}
        return HttpResponse(encode(done), log)
    subscription = service.subscriptions.subscribe(body)
    return HttpResponse(encode(subscription), {"subscriber": body.subscriber, "topic": body.topic})


@endpoint("POST", "GET")
def get_events(request: Request, service: Service) -> HttpResponse:
    """Settle events, and hand out due or new ones under a lease; without any, wait up to `wait_s` and respond with none.

    GET peeks: it returns events of topics without a subscriber, and changes nothing.
    """
    if request.method == "GET":
        return _peeked(request, service)
    body = decode_get_events(json_body(request))
    response = service.delivery.get_events(body)
    headers = {"Retry-After": "1"} if response.crowded else {}
    events = sum(len(slice_.lines) for slice_ in response.slices)
    log: dict[str, str | int] = {"subscriber": body.subscriber, "events": events, "attempt": response.attempt}
    return HttpResponse(encode_response(response), log, headers=headers)


@endpoint("POST")
def expire(request: Request, service: Service) -> HttpResponse:
    """Delete events past their retention, and log subscriptions; for a scheduler. `more` in the response: work is left."""
    decode(ExpireBody, json_body(request))
    done = service.housekeeping.run()
    counts = {"topics": done.topics, "batches": done.batches}
    return HttpResponse(encode({**counts, "more": done.more}), {**counts, "more": int(done.more)})


def _registered(request: Request, service: Service) -> HttpResponse:
    asked = decode_registered(
        query(request, "publisher", "subscriber", "topic", "event", "page_size", "page_token", "state")
    )
    if isinstance(asked, Explain):
        return _explained(asked, service)
    if asked.name:
        state = service.show(asked.kind, asked.name)
    else:
        found: tuple[Any, str | None]
        if asked.states:
            key, found = f"{asked.kind}s", service.listing.states(asked.kind, asked.page_size, asked.page_token)
        else:
            key, found = "names", service.listing.names(asked.kind, asked.page_size, asked.page_token)
        state = {key: found[0], **({"next_page_token": found[1]} if found[1] else {})}
    return HttpResponse(encode(state), {asked.kind: asked.name})


def _peeked(request: Request, service: Service) -> HttpResponse:
    peek = decode_peek(request.args.getlist("topic"), query(request, *PARAMETERS, repeated="topic"))
    response = service.peek(peek)
    headers = {"Retry-After": "1"} if response.crowded else {}
    events = sum(len(slice_.lines) for slice_ in response.slices)
    return HttpResponse(encode_peek(response), {"peek": 1, "events": events}, headers=headers)


def _explained(asked: Explain, service: Service) -> HttpResponse:
    subscriber, topic, event, is_id, source = asked
    explanation = service.explanations.explain(subscriber, topic, event, is_id=is_id, source=source)
    return HttpResponse(encode(explanation), {"subscriber": subscriber, "topic": topic})
