"""What Firestore charges for, and how much."""

from __future__ import annotations

__all__ = ["dollars"]

#: Standard edition, us-central1, $ an operation (https://cloud.google.com/firestore/pricing, November 2026)
_READ, _WRITE, _DELETE = 0.03e-5, 0.09e-5, 0.01e-5


def dollars(*, reads: float, writes: float, deletes: float) -> float:
    """The price of so many operations, beyond those that are free every day."""
    return _READ * reads + _WRITE * writes + _DELETE * deletes
