"""The rules for names of topics, publishers and subscribers, and the names derived from a subscriber's name."""

from __future__ import annotations

import re
from hashlib import blake2b

from pubsubservice.core.problems import BadRequest

__all__ = ["check_name", "dead_letters_of", "redriver_of"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~%+-]{0,254}")
#: most characters of a subscriber's name; and how many of them `redriver_of` keeps when the name is too long to extend
MAX_SUBSCRIBER, SHORTENED = 250, 220


def check_name(kind: str, name: str) -> str:
    """Return `name` if it is valid for a `kind` ("topic", "publisher", "subscriber"); raises BadRequest otherwise."""
    limit = MAX_SUBSCRIBER if kind == "subscriber" else 255
    if not _NAME.fullmatch(name) or len(name) > limit:
        shown = name if len(name) <= 80 else name[:77] + "..."
        raise BadRequest(
            "invalid_name",
            f"{shown!r} cannot name a {kind}: a name has 1 to {limit} characters of A-Z a-z 0-9 . _ ~ % + - "
            "and begins with a letter or digit.",
        )
    if kind == "topic" and (".." in name or name.endswith(".")):
        raise BadRequest(
            "invalid_name", f"{name!r} cannot name a topic: a dot is followed by another dot, or ends the name."
        )
    return name


def dead_letters_of(subscriber: str) -> str:
    """Return the default dead-letter topic of a subscriber."""
    return re.sub(r"\.+", ".", f"{subscriber}.dead")  # a subscriber's name may have dots in a row; a topic's may not


def redriver_of(subscriber: str) -> str:
    """Return the name, both as publisher and as subscriber, under which the SDK redrives a subscriber's dead letters."""
    name = f"{subscriber}.redrive"
    if len(name) <= MAX_SUBSCRIBER:
        return name
    digest = blake2b(subscriber.encode(), digest_size=8).hexdigest()
    return f"{subscriber[:SHORTENED]}.{digest}.redrive"
