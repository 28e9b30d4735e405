"""Removes the names of subscribers and publishers.

A name that was removed can be registered again: a later *life* of the name. Requests of an earlier life may still come: late
ones, and copies. A document's create time is later than every time of the documents that were removed at its path before,
and the time of a token is not ahead of the store's when its client makes it. So a token whose time is before the create time
was made for an earlier life, and does nothing: it makes no lease (`Leases.used`), changes no subscription
(`admin.subscriptions`), and removes nothing (here).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from pubsubservice.core.ownership import check_owner
from pubsubservice.core.problems import BadRequest, Conflict, NotFound, Unavailable
from pubsubservice.core.runtime import Runtime
from pubsubservice.log.topics import Topics
from pubsubservice.storage.format import check_format
from pubsubservice.storage.optimistic import attempts, remove
from pubsubservice.storage.paths import publisher_path, subscriber_path
from pubsubservice.storage.port import Doc, Store
from pubsubservice.subscribers.state import State
from pubsubservice.subscribers.tokens import check_not_ahead, is_of_earlier_life

__all__ = ["Removal"]


class Removal:
    """Removes names.

    Args:
        publish_dead: publishes the dead letters of a subscriber, as many as a call may
    """

    def __init__(self, store: Store, runtime: Runtime, topics: Topics, publish_dead: Callable[[str], object]) -> None:
        self._store = store
        self._runtime = runtime
        self._topics = topics
        self._publish_dead = publish_dead

    def remove(self, kind: str, name: str, token: str | None, *, force: bool = False) -> None:
        """Remove the document of a name, if it is there; unsettled events of a subscriber are dropped.

        Dead letters of a subscriber are published first.

        Args:
            kind: "subscriber" or "publisher"
            token: the caller's, made before its first try: it tells a late copy of the request from a new one
            force: drop dead letters that cannot be published

        Raises BadRequest, Forbidden, Conflict (a later life of the name), Unavailable (dead letters are left), StoreError.
        """
        token = self._check_token(token)
        path = subscriber_path(name) if kind == "subscriber" else publisher_path(name)
        life: int | None = None
        for _ in attempts(self._runtime):
            reads = self._store.get_many([path])
            doc = reads.docs[0]
            if doc is None or life not in (None, doc.created):
                return  # removed, perhaps by an earlier try: what is there now is a later life
            check_owner(kind, name, doc.data.get("owner"))
            check_not_ahead(token, reads.time)
            self._check_life(kind, name, token, doc)
            if kind == "subscriber" and not self._ready(doc, publish=life is None, force=force):
                life = doc.created
                continue
            life = doc.created
            if self._remove(doc):
                self._topics.forget_publisher(name)
                return
        raise Unavailable(
            "contended", f"The {kind} {name!r} was changed by too many at once; send the same request again."
        )

    def _check_token(self, token: str | None) -> str:
        """Raise BadRequest without a token: the service's own would make each late copy a new request."""
        if token is None:
            raise BadRequest(
                "invalid_request",
                "token: expected, so that a late copy of this request does not remove the name when it is registered again. "
                "Make it from the newest X-Store-Time, for instance 1767225600000000-7f3a9c.",
            )
        return token

    def _check_life(self, kind: str, name: str, token: str, doc: Doc) -> None:
        """Raise Conflict if a token was made before the name was registered."""
        if is_of_earlier_life(token, doc.created):
            raise Conflict(
                "older_token",
                f"The {kind} {name!r} was registered after this request was made ({token}); nothing was removed.",
            )

    def _ready(self, doc: Doc, *, publish: bool, force: bool) -> bool:
        """Publish the dead letters of a subscriber; returns whether it can be removed as it was read.

        Raises Unavailable if dead letters are left and are not to be dropped.
        """
        state = State.read(doc)
        if publish and (
            state.leases or state.due or state.dead
        ):  # an expired lease may hold events that are dead by now
            with suppress(NotFound):  # another try of this request may remove the name meanwhile
                self._publish_dead(state.name)
            return False
        if state.dead and not force:
            raise Unavailable(
                "dead_letters_left",
                f"{len(state.dead)} dead letters of {state.name!r} are not published yet; nothing was removed. Send the "
                'request again; if no topic takes them, name another dead_letter_topic, or drop them with "force": true.',
            )
        return True

    def _remove(self, doc: Doc) -> bool:
        """Delete the document that was read; False if it has changed, or may have."""
        check_format(doc)
        return remove(self._store, doc)
