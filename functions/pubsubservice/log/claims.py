"""Whose a name becomes that nobody has registered yet."""

from __future__ import annotations

from typing import NamedTuple

from pubsubservice.core.names import MAX_SUBSCRIBER, SHORTENED, redriver_of
from pubsubservice.core.ownership import current_caller, may_use
from pubsubservice.core.problems import Forbidden
from pubsubservice.storage.paths import subscriber_path
from pubsubservice.storage.port import Doc, Store, Value

__all__ = ["Claim", "claim"]

_DEAD, _REDRIVE = ".dead", ".redrive"
#: subscribers listed at once
_PAGE = 100


class Claim(NamedTuple):
    """A name that nobody has registered yet, and the caller may."""

    #: whose it becomes: the ``owner`` of its document
    owner: Value
    #: the registered subscriber that it is made of; None for most
    subscriber: str | None = None


def claim(store: Store, kind: str, name: str, *, early: bool = False) -> Claim:
    """Whose a name becomes that nobody has registered: the caller's, but `S.dead` and `S.redrive` are S's owner's alone.

    So while no subscriber S is registered nobody may take them, unless `early` says so. One read for such a name. Raises
    Forbidden, StoreError.
    """
    caller = current_caller()
    ending = next((ending for ending in (_DEAD, _REDRIVE) if name.endswith(ending)), None)
    if ending is not None:
        subscriber = _maker(store, name, name.removesuffix(ending))
        if subscriber is not None:
            of, owner = subscriber.path.rpartition("/")[2], subscriber.data.get("owner")
            if not may_use(owner):
                raise Forbidden(
                    "not_owner", f"The {kind} {name!r} is for the owner of the subscriber {of!r}, and for admins."
                )
            return Claim(owner, of)
        if caller is not None and not early:
            raise Forbidden(
                "not_owner",
                f"The {kind} {name!r} is for the owner of the subscriber {name.removesuffix(ending)!r}, which nobody has "
                "registered: register that first, or take another name.",
            )
    return Claim(caller.owner if caller else None)


def _maker(store: Store, name: str, subscriber: str) -> Doc | None:
    """The document of the subscriber that a name is made of; of a long one `S.redrive` has only the beginning."""
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
