"""Decides who may use a name: the identity that registered it, and admins; without an owner, everybody.

`api.endpoint` sets the caller once per request, like the meter. While identity is off, nothing is checked.
Topics are shared: every caller may publish to any topic and subscribe to it. Two things are for the topic's owner only:
changing its settings, and publishing to it if it is a dead-letter topic.

`S.dead` and `S.redrive` belong to the owner of the subscriber S, even before they are registered (see `log.claims`).
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

#: header of the caller's ID token (see `api.identity`); ignored while identity is off
TOKEN_HEADER = "X-Pubsub-Token"  # noqa: S105 - its name


class Caller(NamedTuple):
    """The sender of a request, from its verified token."""

    #: issuer and subject: the pair is never given to anybody else; None for a caller without a token
    owner: str | None = None
    #: for logs only, because an address can be given to another person later
    email: str | None = None
    #: whether the caller may use every name
    admin: bool = False


ANONYMOUS = Caller()


class Authenticator(Protocol):
    """Identifies the sender of a request."""

    def caller(self, token: str | None) -> Caller:
        """Return the caller that an ID token proves; None is a request without a token.

        Raises Unauthorized, Unavailable.
        """


_caller: ContextVar[Caller | None] = ContextVar("pubsubservice_caller", default=None)


def current_caller() -> Caller | None:
    """Return the caller of this thread's current request; None while identity is off."""
    return _caller.get()


def set_caller(caller: Caller | None) -> None:
    """Set the caller of this thread's current request; None while identity is off."""
    _caller.set(caller)


@contextmanager
def acting_for(owner: object) -> Iterator[None]:
    """Within the block, the current caller is `owner`. A caller who is an admin stays an admin.

    If `owner` is None, or identity is off, the caller does not change.
    """
    caller = _caller.get()
    token = _caller.set(caller if caller is None or owner is None else Caller(str(owner), admin=caller.admin))
    try:
        yield
    finally:
        _caller.reset(token)


def may_use(owner: object) -> bool:
    """Whether the caller may use something that has this ``owner`` (None: everybody may)."""
    caller = _caller.get()
    return caller is None or owner is None or caller.admin or caller.owner == owner


def may_see_all() -> bool:
    """Whether the caller may see names that other identities registered."""
    caller = _caller.get()
    return caller is None or caller.admin


def check_owner(kind: str, name: str, owner: object) -> None:
    """Raise Forbidden unless the caller may use the `kind` ("publisher", "subscriber", "topic") of this ``owner``."""
    if not may_use(owner):
        raise Forbidden(
            "not_owner",
            f"The {kind} {name!r} was registered by another identity; only that identity and admins may use it.",
        )
