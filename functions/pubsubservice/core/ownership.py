"""Who may use a name: the identity that registered it, an admin, and anybody if it was registered without an identity.

The caller of the request under way is set once, at the edge (`http.endpoint`), like the meter. Nothing is checked while
identity is off. Topics are shared: whoever may call a function may publish to any topic and subscribe to it; only a
change of a topic's settings, and what is published to a dead-letter topic, is its owner's.

`S.dead` and `S.redrive` belong to the owner of the subscriber S, whether they are registered yet or not (see `claim`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from pubsubservice.core.names import MAX_SUBSCRIBER, SHORTENED, redriver_of, subscriber_path
from pubsubservice.core.problems import Forbidden
from pubsubservice.storage.port import Doc, Store, Value

__all__ = [
    "ANONYMOUS", "TOKEN_HEADER", "Caller", "Claim", "acting_for", "check_owner", "claim", "may_see_all", "may_use",
    "set_caller",
]  # fmt: skip

#: carries the ID token that says who calls (see `identity`); not looked at while identity is off
TOKEN_HEADER = "X-Pubsub-Token"  # noqa: S105 - its name

_DEAD, _REDRIVE = ".dead", ".redrive"
#: subscribers listed at once
_PAGE = 100


class Caller(NamedTuple):
    """Who sends a request, as far as a verified token tells."""

    #: issuer and subject, which together are never given to anybody else; None for a caller without a token
    owner: str | None = None
    #: for logs only: an address can be given to another person later
    email: str | None = None
    #: may use every name
    admin: bool = False


ANONYMOUS = Caller()

_caller: ContextVar[Caller | None] = ContextVar("pubsubservice_caller", default=None)


class Claim(NamedTuple):
    """A name that nobody has registered yet, and the caller may."""

    #: whose it becomes: the ``owner`` of its document
    owner: Value
    #: the registered subscriber that it is made of; None for most
    subscriber: str | None = None


def set_caller(caller: Caller | None) -> None:
    """Say who sends the request under way in this thread; None while identity is off."""
    _caller.set(caller)


@contextmanager
def acting_for(owner: Value) -> Iterator[None]:
    """What is done within is done for this owner, whoever sends the request; an admin stays one.

    For what is anybody's it is done for the caller.
    """
    caller = _caller.get()
    token = _caller.set(caller if caller is None or owner is None else Caller(str(owner), admin=caller.admin))
    try:
        yield
    finally:
        _caller.reset(token)


def claim(store: Store, kind: str, name: str, *, early: bool = False) -> Claim:
    """Whose a name becomes that nobody has registered: the caller's, but `S.dead` and `S.redrive` are S's owner's alone.

    So while no subscriber S is registered nobody may take them, unless `early` says so. One read for such a name. Raises
    Forbidden, StoreError.
    """
    caller = _caller.get()
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


def may_use(owner: Value) -> bool:
    """Whether the caller may use what has this ``owner``."""
    caller = _caller.get()
    return caller is None or owner is None or caller.admin or caller.owner == owner


def may_see_all() -> bool:
    """Whether the caller may see the names of everybody."""
    caller = _caller.get()
    return caller is None or caller.admin


def check_owner(kind: str, name: str, owner: Value) -> None:
    """Raise Forbidden unless the caller may use the `kind` ("publisher", "subscriber", "topic") of this ``owner``."""
    if not may_use(owner):
        raise Forbidden(
            "not_owner",
            f"The {kind} {name!r} was registered by another identity; only that one and admins may use it.",
        )


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
