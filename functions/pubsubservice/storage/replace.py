"""Replaces or removes a document that was read, unless it has changed since."""

from __future__ import annotations

from pubsubservice.storage.port import Changed, Doc, Fields, Refused, Store, Unknown

__all__ = ["remove", "replace"]


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
