"""Tokens of leases and of subscription changes: ``{store time in µs}-{random}``, made by the client.

The store time orders tokens, and bounds how many ended ones must be remembered. The random part makes tokens of different
clients distinct.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from pubsubservice.core.problems import BadRequest

__all__ = ["AHEAD_US", "Ended", "check_not_ahead", "check_token", "is_of_earlier_life", "make_token", "token_time"]

#: how far the time of a token may be ahead of the store's time, µs
AHEAD_US = 2_000_000

_TOKEN = re.compile(r"([0-9]{1,18})-([A-Za-z0-9_]{1,64})")


def check_token(token: str, field: str) -> str:
    """Return the token if it is well formed; raises BadRequest otherwise."""
    if not _TOKEN.fullmatch(token):
        raise BadRequest(
            "invalid_token",
            f"{field}: a token is the newest store time in microseconds, a hyphen and 1 to 64 letters, digits or "
            f"underscores, for instance 1767225600000000-7f3a9c; got {token[:80]!r}.",
        )
    return token


def token_time(token: str) -> int:
    """Return the store time in a well-formed token, µs."""
    return int(token.partition("-")[0])


def is_of_earlier_life(token: str, created: int) -> bool:
    """Whether a token was made before a name's document was created (µs): for an earlier life of the name."""
    return token_time(token) < created


def check_not_ahead(token: str, read_time: int) -> None:
    """Raise BadRequest for a token that is more than `AHEAD_US` ahead of the store's time."""
    if token_time(token) > read_time + AHEAD_US:
        raise BadRequest(
            "invalid_token",
            f"The token {token!r} is more than 2 s ahead of the store's time {read_time}; make tokens from the "
            "newest X-Store-Time.",
        )


def make_token(read_time: int, random: float) -> str:
    """Make a token for a caller that sent none; `random` is in [0, 1)."""
    return f"{read_time}-{int(random * 2**53):014x}"


class Ended:
    """The newest tokens whose leases have ended, and how they ended: packed, because they are written with every call.

    A record has 12 bytes: the token's time (8 bytes, big-endian), 3 bytes of the hash of its text, and 1 byte for how its
    lease ended. Records are sorted by time. If two tokens ever share a record, the response to the later one is "over", and
    its client makes a new token.
    """

    SETTLED, LATE, TAKEN = b"s", b"l", b"t"
    SIZE = 12

    def __init__(self, packed: bytes, floor: int) -> None:
        self.packed = packed
        #: the newest token time whose record was dropped: tokens up to this time count as ended
        self.floor = floor

    def how(self, token: str) -> bytes | None:
        """Return how the lease of a remembered token ended; None for a token without a record.

        SETTLED: by its client. LATE: it expired, and all its unsettled events are still due. TAKEN: events were recalled,
        or were leased again, died or were lost after it expired.
        """
        start = self._find(_key(token))
        return None if start < 0 else self.packed[start + 11 : start + 12]

    def used(self, token: str) -> bool:
        """Whether a token cannot open a lease any more."""
        return token_time(token) <= self.floor or self._find(_key(token)) >= 0

    def add(self, token: str, how: bytes, cap: int) -> None:
        """Record how a lease ended, and keep the newest `cap` records. Only the record LATE can change."""
        key = _key(token)
        start = self._find(key)
        if start >= 0:
            if self.packed[start + 11 : start + 12] == self.LATE:
                self.packed = self.packed[: start + 11] + how + self.packed[start + 12 :]
            return
        end = len(self.packed)
        while end and self.packed[end - 12 : end - 1] > key:
            end -= 12
        self.packed = self.packed[:end] + key + how + self.packed[end:]
        while len(self.packed) > cap * self.SIZE:
            self.floor = max(self.floor, int.from_bytes(self.packed[:8], "big"))
            self.packed = self.packed[12:]

    def _find(self, key: bytes) -> int:
        start = self.packed.find(key)
        while start >= 0 and start % self.SIZE:
            start = self.packed.find(key, start + 1)
        return start


def _key(token: str) -> bytes:
    return token_time(token).to_bytes(8, "big") + blake2b(token.encode(), digest_size=3).digest()
