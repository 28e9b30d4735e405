"""Names of topics, publishers and subscribers."""

from __future__ import annotations

import re

from pubsubclient._errors import InvalidArgument

__all__ = ["check_name"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~%+-]*")
#: a dead-letter topic's name is its subscriber's and ".dead", so subscribers have less room
_MAX_LENGTH = {"topic": 255, "publisher": 255, "subscriber": 250}


def check_name(kind: str, name: object) -> str:
    """Return `name` if the service would let it name a `kind` ("topic", "publisher" or "subscriber").

    Raises InvalidArgument otherwise, so that a bad name fails where it is written, not at the first request.
    """
    if not isinstance(name, str):
        raise InvalidArgument(f"A {kind}'s name is a string; got {name!r}.")
    limit = _MAX_LENGTH[kind]
    if len(name) > limit or not _NAME.fullmatch(name):
        shown = name if len(name) <= 80 else name[:77] + "..."
        raise InvalidArgument(
            f"{shown!r} cannot name a {kind}: a name has 1 to {limit} characters of A-Z a-z 0-9 . _ ~ % + - "
            "and begins with a letter or digit."
        )
    if kind == "topic" and (".." in name or name.endswith(".")):
        raise InvalidArgument(f"{name!r} cannot name a topic: there is nothing between, or after, its dots.")
    return name
