"""Ids of events: random UUIDs (RFC 9562, version 4), made without a system call per id."""

from __future__ import annotations

import os
import random

__all__ = ["new_id"]

_random = random.Random(os.urandom(32))
if hasattr(os, "register_at_fork"):
    # without a new seed, a forked child would generate the same ids as its parent
    os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(32)))


def new_id() -> str:
    """Return an id that is unique across processes. It is not secret: the generator is not cryptographic."""
    digits = f"{_random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"


#: the variant digit for each random digit: its two highest bits are 10
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
