"""Tokens of leases and of subscription changes: ``{store time in µs}-{random}``, made by the client.

The store time orders them and bounds what must be remembered; the random part keeps clients apart.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from pubsubservice.core.problems import BadRequest

__all__ = ["AHEAD_US", "Ended", "check_token", "make_token", "token_time"]

#: how far a token's time may be ahead of the store's, µs
AHEAD_US = 2_000_000

_TOKEN = re.compile(r"([0-9]{1,18})-([A-Za-z0-9_]{1,64})")


def check_token(token: str, field: str) -> str:
    """Return a well-formed token; raises BadRequest otherwise."""
    if not _TOKEN.fullmatch(token):
        raise BadRequest(
            "invalid_token",
            f"{field}: a token is the newest store time in microseconds, a hyphen and 1 to 64 letters, digits or "
            f"underscores, for instance 1767225600000000-7f3a9c; got {token[:80]!r}.",
        )
    return token


def token_time(token: str) -> int:
    """The store time in a well-formed token, µs."""
    return int(token.partition("-")[0])


def check_not_ahead(token: str, read_time: int) -> None:
    """Refuse a token whose time the store has not reached yet: raises BadRequest."""
    if token_time(token) > read_time + AHEAD_US:
        raise BadRequest(
            "invalid_token",
            f"The token {token!r} is more than 2 s ahead of the store's time {read_time}; make tokens from the "
            "newest X-Store-Time.",
        )


def make_token(read_time: int, random: float) -> str:
    """A token for a caller that brought none."""
    return f"{read_time}-{int(random * 2**53):014x}"


class Ended:
    """The last tokens whose lease has ended, by token time, and how: packed, as it is written with every call.

    A record is 12 bytes: the token's time (8, big-endian), 3 bytes of the hash of its text, and how it ended. Should two
    tokens ever share a record, the later one is answered "over", and its client makes a new one.
    """

    SETTLED, LATE, TAKEN = b"s", b"l", b"t"
    SIZE = 12

    def __init__(self, packed: bytes, floor: int) -> None:
        self.packed = packed
        #: newest token time that was dropped: a token not above it counts as ended
        self.floor = floor

    def how(self, token: str) -> bytes | None:
        """How a remembered token ended: SETTLED by its client, LATE (expired, all still due), TAKEN (by others)."""
        place = self._find(_key(token))
        return None if place < 0 else self.packed[place + 11 : place + 12]

    def used(self, token: str) -> bool:
        """Whether a token can make no lease any more."""
        return token_time(token) <= self.floor or self._find(_key(token)) >= 0

    def add(self, token: str, how: bytes, cap: int) -> None:
        """Remember an ending, as one of the last `cap`; a settled one is final, a taken one cannot become late."""
        key = _key(token)
        place = self._find(key)
        if place >= 0:
            if self.packed[place + 11 : place + 12] == self.LATE:
                self.packed = self.packed[: place + 11] + how + self.packed[place + 12 :]
            return
        at = len(self.packed)
        while at and self.packed[at - 12 : at - 1] > key:
            at -= 12
        self.packed = self.packed[:at] + key + how + self.packed[at:]
        while len(self.packed) > cap * self.SIZE:
            self.floor = max(self.floor, int.from_bytes(self.packed[:8], "big"))
            self.packed = self.packed[12:]

    def _find(self, key: bytes) -> int:
        place = self.packed.find(key)
        while place >= 0 and place % self.SIZE:
            place = self.packed.find(key, place + 1)
        return place


def _key(token: str) -> bytes:
    return token_time(token).to_bytes(8, "big") + blake2b(token.encode(), digest_size=3).digest()
