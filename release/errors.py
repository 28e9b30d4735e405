"""The error that stops a release."""

from __future__ import annotations

__all__ = ["ReleaseError"]


class ReleaseError(Exception):
    """Something is not ready to be published. The message says what, and what was expected."""
