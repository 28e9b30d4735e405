"""Builds dead letters: new events with the payload and attributes of a failed one, and why it failed.

Also builds the event of a dead letter again, for a redrive.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from pubsubservice.core.names import check_name
from pubsubservice.core.problems import BadRequest
from pubsubservice.events.entry import Entry, identity
from pubsubservice.subscribers.letter_ids import letter_id
from pubsubservice.subscribers.records import Dead

__all__ = ["dead_letter", "original_topic", "redriven_event"]

#: prefix for an attribute of the failed event whose name a dead letter or a redrive uses itself
_OWN = "own"
#: attributes that a redrive adds (see `event_filter`), and that a dead letter adds
_OF_REDRIVES = ("redriveof", "redrivefor")
_OF_LETTERS = ("originalid", "originalsource", "originaltopic", "reason", "attempts")
_ANY = re.compile(f"(?:{_OWN})*(?:{'|'.join(_OF_LETTERS + _OF_REDRIVES)})")
#: an attribute of the event that a dead letter renamed
_RENAMED = re.compile(f"{_OWN}(?:{_OWN})*(?:{'|'.join(_OF_LETTERS)})")
_OF_LETTERS_ONLY = re.compile(f"(?:{_OWN})*(?:{'|'.join(_OF_LETTERS)})")


class _Origin(msgspec.Struct):
    source: Any = None
    originalid: Any = None
    originaltopic: Any = None


_origin = msgspec.json.Decoder(_Origin)
_string = msgspec.json.Decoder(str)
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


def original_topic(subscriber: str, line: bytes) -> str | None:
    """Return the topic of the event that a dead letter is of; None for what is no dead letter of the subscriber."""
    found = _origin.decode(line)
    topic = found.originaltopic
    if found.source != f"/subscribers/{subscriber}" or not found.originalid or not isinstance(topic, str):
        return None
    try:  # the owner of a dead-letter topic may publish to it by hand
        return check_name("topic", topic)
    except BadRequest:
        return None


def redriven_event(subscriber: str, redriver: str, line: bytes) -> Entry:
    """Return the event that a dead letter is of, to be published again for one subscriber alone.

    The payload stays the bytes that were published. The id is made of the dead letter's, so that the event is stored once.

    Args:
        redriver: the name under which it is published (see `names.redriver_of`)
        line: the JSON of the dead letter
    """
    letter = _attributes.decode(line)
    members = {
        name.removeprefix(_OWN) if _RENAMED.fullmatch(name) else name: value
        for name, value in letter.items()
        if name not in _OF_LETTERS
    }
    source = f"/publishers/{redriver}"
    if bytes(letter.get("originalsource", msgspec.Raw(b"null"))) != b"null":
        source = _string.decode(letter["originalsource"])
    name = f"{_string.decode(letter['source'])}#{_string.decode(letter['id'])}"
    event_id = str(uuid5(NAMESPACE_URL, name))
    members |= {
        "id": _raw(event_id),
        "source": _raw(source),
        "redriveof": letter["originalid"],
        "redrivefor": _raw(subscriber),
    }
    return Entry(event_id, source, identity(redriver, source, event_id), _encode(members))


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))
