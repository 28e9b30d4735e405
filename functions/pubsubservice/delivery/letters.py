"""Builds dead letters: new events with the payload and attributes of a failed one, and why it failed."""

from __future__ import annotations

import re

import msgspec

from pubsubservice.events.entry import Entry, identity
from pubsubservice.subscribers.letter_ids import letter_id
from pubsubservice.subscribers.records import Dead

__all__ = ["dead_letter"]

#: prefix for an attribute of the failed event whose name a dead letter or a redrive uses itself
_OWN = "own"
#: attributes that a redrive adds (see `event_filter`), and that a dead letter adds
_OF_REDRIVES = ("redriveof", "redrivefor")
_OF_LETTERS = ("originalid", "originalsource", "originaltopic", "reason", "attempts")
_ANY = re.compile(f"(?:{_OWN})*(?:{'|'.join(_OF_LETTERS + _OF_REDRIVES)})")
_OF_LETTERS_ONLY = re.compile(f"(?:{_OWN})*(?:{'|'.join(_OF_LETTERS)})")

_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def dead_letter(subscriber: str, dead: Dead, line: bytes, *, redriven: bool = False) -> Entry:
    """Return the dead letter of an event: its payload and attributes, where it came from, and why it failed.

    An attribute of the event whose name the dead letter uses gets the prefix `own`: its `reason` becomes `ownreason`, and its
    `ownreason` becomes `ownownreason`. A redrive removes one `own` again. Each renamed attribute takes three more bytes.

    Args:
        line: the event's JSON
        redriven: whether a redrive for this subscriber published the event; the attributes that it added are left out
    """
    reserved = _OF_LETTERS_ONLY if redriven else _ANY
    attributes = _attributes.decode(line)
    members = {
        _OWN + name if reserved.fullmatch(name) else name: value
        for name, value in attributes.items()
        if (bytes(value) != b"null" or name == "data") and not (redriven and name in _OF_REDRIVES)
    }
    event_id = letter_id(dead)
    source = f"/subscribers/{subscriber}"
    members |= {
        "id": _raw(event_id),
        "source": _raw(source),
        "originalid": attributes["id"],
        "originalsource": attributes["source"],
        "originaltopic": _raw(dead.topic),
        "reason": _raw(dead.reason),
        "attempts": _raw(dead.attempts),
    }
    publisher = source  # "/" is not allowed in names, so no publisher can collide with it
    return Entry(event_id, source, identity(publisher, source, event_id), _encode(members))


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))
