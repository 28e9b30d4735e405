"""What requests cost: the service says with each answer how many store operations it took."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from pubsubclient._http.responses import store_ops

__all__ = ["MeteringAdapter", "Operations"]

#: US$ for 100,000 operations on Firestore, Standard edition, us-central1, without the free quota
PRICES_OF = "November 2026"
_READ, _WRITE, _DELETE = 0.03, 0.09, 0.01


@dataclass(frozen=True)
class Operations:
    """Store operations, as Firestore bills them."""

    reads: int = 0
    writes: int = 0
    deletes: int = 0

    def __add__(self, other: Operations) -> Operations:
        return Operations(self.reads + other.reads, self.writes + other.writes, self.deletes + other.deletes)

    @property
    def dollars(self) -> float:
        """What they would cost on Firestore."""
        return (self.reads * _READ + self.writes * _WRITE + self.deletes * _DELETE) / 100_000


class MeteringAdapter(HTTPAdapter):
    """Sends requests as usual, and adds up what their answers say they took."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self.operations = Operations()

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send a request."""
        response = super().send(request, **options)
        with self._lock:
            self.operations += Operations(*store_ops(response))
        return response
