"""What a dead letter is: a new event that tells of a failed one."""

from __future__ import annotations

import re

import msgspec

from pubsubservice.events.entry import Entry, identity
from pubsubservice.subscribers.records import Dead

__all__ = ["dead_letter"]

#: put before an attribute of the event's own whose name a dead letter or a redrive gives
_OWN = "own"
#: what a redrive adds (see `event_filter`), and what a dead letter says of itself
_OF_REDRIVES = ("redriveof", "redrivefor")
_OF_LETTERS = ("originalid", "originalsource", "originaltopic", "reason", "attempts")
_ANY = re.compile(f"(?:{_OWN})*(?:{'|'.join(_OF_LETTERS + _OF_REDRIVES)})")
_OF_LETTERS_ONLY = re.compile(f"(?:{_OWN})*(?:{'|'.join(_OF_LETTERS)})")

_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def dead_letter(subscriber: str, dead: Dead, line: bytes, *, redriven: bool = False) -> Entry:
    """The dead letter of an event: its payload and attributes, where it came from, and why it failed.

    What the event itself had under a name that is given here, is there as `ownreason`, and what it had as `ownreason` as
    `ownownreason`: a redrive takes one `own` away again. A dead letter has at most three bytes more for each of these.

    Args:
        line: the event's JSON
        redriven: a redrive for this subscriber has published it: what that has added is left out
    """
    given = _OF_LETTERS_ONLY if redriven else _ANY
    attributes = _attributes.decode(line)
    members = {
        _OWN + name if given.fullmatch(name) else name: value
        for name, value in attributes.items()
        if (bytes(value) != b"null" or name == "data") and not (redriven and name in _OF_REDRIVES)
    }
    event_id = f"{dead.topic}/{dead.partition}/{dead.index}/{dead.death}"
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
    publisher = source  # no publisher can be named so
    return Entry(event_id, source, identity(publisher, source, event_id), _encode(members))


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))
