"""The version of the data model. Every document carries it in its field ``format``."""

from __future__ import annotations

from pubsubservice.core.problems import Unavailable
from pubsubservice.storage.port import Doc

__all__ = ["FORMAT", "check_format"]

#: the version that this program writes; a process that reads a higher one changes nothing
FORMAT = 1


def check_format(doc: Doc) -> None:
    """Raise Unavailable for a document that a newer program has written."""
    written = int(doc.data["format"] or 0)
    if written > FORMAT:
        raise Unavailable(
            "newer_format",
            f"The document {doc.path} was written by a newer version (format {written}, this one knows "
            f"{FORMAT}); nothing was changed. Finish the upgrade, or try again.",
            retry_after_s=5,
        )
