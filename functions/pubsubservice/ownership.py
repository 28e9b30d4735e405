"""Who may use a name: the identity that registered it, an admin, and anybody if it was registered without an identity.

The caller of the request under way is set once, at the edge (`http.endpoint`), like the meter. Nothing is checked while
identity is off. Topics are shared: whoever may call a function may publish to any topic and subscribe to it; only a
change of a topic's settings is its owner's.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

from pubsubservice.problems import Forbidden
from pubsubservice.store import Value

__all__ = ["ANONYMOUS", "TOKEN_HEADER", "Caller", "check_owner", "may_see_all", "may_use", "new_owner", "set_caller"]

#: carries the ID token that says who calls (see `identity`); not looked at while identity is off
TOKEN_HEADER = "X-Pubsub-Token"  # noqa: S105 - its name


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


def set_caller(caller: Caller | None) -> None:
    """Say who sends the request under way in this thread; None while identity is off."""
    _caller.set(caller)


def new_owner() -> str | None:
    """What a document that the caller creates has as its ``owner``."""
    caller = _caller.get()
    return caller.owner if caller else None


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
