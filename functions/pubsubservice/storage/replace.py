"""Replacing a document that was read, if nobody has changed it since."""

from __future__ import annotations

from pubsubservice.storage.port import Changed, Doc, Fields, Refused, Store, Unknown

__all__ = ["replace"]


def replace(store: Store, doc: Doc, fields: Fields) -> bool:
    """Write `fields` over those of `doc`, if the stored document is still the one that was read.

    Writes nothing if they are equal. Raises StoreError.

    Returns:
        Whether the fields are surely in the store now. If not, or if that is unknown, read the document again.
    """
    if all(doc.data.get(name) == value for name, value in fields.items()):
        return True
    try:
        store.update(doc.path, {**doc.data, **fields}, doc.updated)
    except (Changed, Unknown):
        return False
    except Refused as error:
        if not error.busy:
            raise
        return False
    return True
