"""Optimistic updates: read a document, change it, write it if nobody else has meanwhile, and else begin again."""

from __future__ import annotations

from collections.abc import Iterator

from pubsubservice.core.runtime import Runtime
from pubsubservice.storage.port import Changed, Doc, Fields, Refused, Store, Unknown

__all__ = ["attempts", "remove", "replace"]

#: tries of one update: with eight writers of one document the tenth nearly always succeeds
_MAX_TRIES = 20
#: the pause before try n + 1 is drawn from 0 to _FIRST_PAUSE_S * 2^n, at most _MAX_PAUSE_S. Without jitter, eight
#: writers lose to each other for seconds
_FIRST_PAUSE_S = 0.001
_MAX_PAUSE_S = 0.25


def attempts(runtime: Runtime, limit: int = _MAX_TRIES) -> Iterator[None]:
    """Yield before each try of an update, after a random pause before each but the first.

    The loop is left by the try that succeeds. After the last one the caller raises an error of its own.
    """
    for attempt in range(limit):
        if attempt:
            runtime.sleep(runtime.random() * min(_FIRST_PAUSE_S * 2 ** (attempt - 1), _MAX_PAUSE_S))
        yield


def replace(store: Store, doc: Doc, fields: Fields) -> Doc | None:
    """Write `fields` over the fields of `doc`, if the stored document is still the one that was read.

    Writes nothing if `doc` has these fields already. Raises Refused when a retry cannot help.

    Returns:
        The document as it is stored now: `doc` itself if nothing was written. None if the fields are not in the store, or may
        not be: read the document again.
    """
    if all(doc.data.get(name) == value for name, value in fields.items()):
        return doc
    data = {**doc.data, **fields}
    try:
        return Doc(doc.path, data, doc.created, store.update(doc.path, data, doc.updated))
    except (Changed, Unknown, Refused) as error:
        _check_retry_helps(error)
        return None


def remove(store: Store, doc: Doc) -> bool:
    """Delete `doc`, if the stored document is still the one that was read. Raises Refused when a retry cannot help.

    Returns:
        True if it is certainly deleted. False if it is not, or may not be: read the document again.
    """
    try:
        store.remove(doc.path, doc.updated)
    except (Changed, Unknown, Refused) as error:
        _check_retry_helps(error)
        return False
    return True


def _check_retry_helps(error: Changed | Unknown | Refused) -> None:
    """Raise a refusal for which the store is not just busy."""
    if isinstance(error, Refused) and not error.busy:
        raise error
