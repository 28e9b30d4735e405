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
from typing import NamedTuple, Protocol

from pubsubservice.core.problems import Forbidden

__all__ = [
    "ANONYMOUS",
    "TOKEN_HEADER",
    "Authenticator",
    "Caller",
    "acting_for",
    "check_owner",
    "current_caller",
    "may_see_all",
    "may_use",
    "set_caller",
]

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


class Authenticator(Protocol):
    """Tells who sends a request."""

    def caller(self, token: str | None) -> Caller:
        """The caller by the ID token of its request, or by that there is none. Raises Forbidden, Unavailable."""


_caller: ContextVar[Caller | None] = ContextVar("pubsubservice_caller", default=None)


def current_caller() -> Caller | None:
    """Who sends the request under way in this thread; None while identity is off."""
    return _caller.get()


def set_caller(caller: Caller | None) -> None:
    """Say who sends the request under way in this thread; None while identity is off."""
    _caller.set(caller)


@contextmanager
def acting_for(owner: object) -> Iterator[None]:
    """What is done within is done for this owner, whoever sends the request; an admin stays one.

    For what is anybody's it is done for the caller.
    """
    caller = _caller.get()
    token = _caller.set(caller if caller is None or owner is None else Caller(str(owner), admin=caller.admin))
    try:
        yield
    finally:
        _caller.reset(token)


def may_use(owner: object) -> bool:
    """Whether the caller may use what has this ``owner``."""
    caller = _caller.get()
    return caller is None or owner is None or caller.admin or caller.owner == owner


def may_see_all() -> bool:
    """Whether the caller may see the names of everybody."""
    caller = _caller.get()
    return caller is None or caller.admin


def check_owner(kind: str, name: str, owner: object) -> None:
    """Raise Forbidden unless the caller may use the `kind` ("publisher", "subscriber", "topic") of this ``owner``."""
    if not may_use(owner):
        raise Forbidden(
            "not_owner",
            f"The {kind} {name!r} was registered by another identity; only that one and admins may use it.",
        )
