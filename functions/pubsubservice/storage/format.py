"""The version of the data model, which every document carries."""

from __future__ import annotations

from pubsubservice.core.problems import Unavailable
from pubsubservice.storage.port import Doc

__all__ = ["FORMAT", "check_format"]

#: format of every document; a process that meets a higher one writes nothing
FORMAT = 1


def check_format(doc: Doc) -> None:
    """Refuse a document of a newer program: raises Unavailable."""
    written = int(doc.data["format"] or 0)
    if written > FORMAT:
        raise Unavailable(
            "newer_format",
            f"The document {doc.path} was written by a newer version (format {written}, this one knows "
            f"{FORMAT}); nothing was changed. Finish the upgrade, or try again.",
            retry_after_s=5,
        )
