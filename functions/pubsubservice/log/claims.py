"""Decides which owner a name gets when it is registered for the first time."""

from __future__ import annotations

from typing import NamedTuple

from pubsubservice.core.names import MAX_SUBSCRIBER, SHORTENED, redriver_of
from pubsubservice.core.ownership import current_caller, may_use
from pubsubservice.core.problems import Forbidden
from pubsubservice.storage.paths import publisher_path, subscriber_path, topic_path
from pubsubservice.storage.port import Doc, Store, Value

__all__ = ["Claim", "check_left_behind", "claim"]

_DEAD, _REDRIVE = ".dead", ".redrive"
#: subscribers in one page of a listing
_PAGE = 100


class Claim(NamedTuple):
    """The caller's right to register a name that is not registered yet."""

    #: the ``owner`` of the name's document; None if everybody may use the name
    owner: Value
    #: for `S.dead` and `S.redrive`, the subscriber S if it is registered; otherwise None
    subscriber: str | None = None


def claim(store: Store, kind: str, name: str, *, early: bool = False) -> Claim:
    """Return the owner that an unregistered name gets: the caller, but for `S.dead` and `S.redrive` the owner of S.

    Args:
        kind: "publisher", "subscriber" or "topic", for error texts
        early: let any caller claim `S.dead` and `S.redrive` while no subscriber S is registered; otherwise that is
            Forbidden, unless identity is off

    Names that end in `.dead` or `.redrive` cost at least one read. Raises Forbidden, Unavailable, StoreError.
    """
    caller = current_caller()
    ending = next((ending for ending in (_DEAD, _REDRIVE) if name.endswith(ending)), None)
    if ending is not None:
        doc = _subscriber_of(store, name, name.removesuffix(ending))
        if doc is not None:
            subscriber, owner = doc.path.rpartition("/")[2], doc.data.get("owner")
            if not may_use(owner):
                raise Forbidden(
                    "not_owner",
                    f"The {kind} {name!r} is for the owner of the subscriber {subscriber!r}, and for admins.",
                )
            return Claim(owner, subscriber)
        if caller is not None and not early:
            raise Forbidden(
                "not_owner",
                f"The {kind} {name!r} is for the owner of the subscriber {name.removesuffix(ending)!r}, which nobody has "
                "registered: register the subscriber first, or use another name.",
            )
    return Claim(caller.owner if caller else None)


def check_left_behind(store: Store, subscriber: str) -> None:
    """Refuse to register a subscriber S if an earlier one of another identity left `S.dead` or `S.redrive` behind.

    Otherwise whoever owned the earlier one could publish in the dead-letter topic of the new one, which could not redrive.
    Costs three reads; nothing while identity is off. Raises Forbidden, StoreError.
    """
    if current_caller() is None:
        return
    letters, redriver = topic_path(f"{subscriber}{_DEAD}"), redriver_of(subscriber)
    paths = [letters, subscriber_path(redriver), publisher_path(redriver)]
    for doc in store.get_many(paths, fields=("format", "owner", "dead_letter")).docs:
        is_left = doc is not None and (doc.path != letters or bool(doc.data.get("dead_letter")))
        if doc is not None and is_left and not may_use(doc.data.get("owner")):
            raise Forbidden(
                "not_owner",
                f"An earlier subscriber {subscriber!r} left {doc.path.rpartition('/')[2]!r} behind, which belongs to another "
                "identity: use another name, or ask its owner to hand the name over.",
            )


def _subscriber_of(store: Store, name: str, subscriber: str) -> Doc | None:
    """Return the document of the subscriber that `name` is derived from, or None if it is not registered.

    `S.redrive` holds only the beginning of a long name S (see `redriver_of`): then all subscribers with this beginning are
    listed.
    """
    doc = store.get_many([subscriber_path(subscriber)], fields=("format", "owner")).docs[0]
    shortened = subscriber[:SHORTENED]
    if doc is not None or not name.endswith(_REDRIVE) or len(redriver_of("s" * MAX_SUBSCRIBER)) != len(name):
        return doc
    after = shortened
    while True:
        page = store.list("subscribers", after=after, limit=_PAGE, fields=("format", "owner"))
        for doc in page.docs:
            after = doc.path.rpartition("/")[2]
            if redriver_of(after) == name:
                return doc
        if len(page.docs) < _PAGE or not after.startswith(shortened):
            return None
