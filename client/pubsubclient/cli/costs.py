"""What a command cost: the store operations that the service's responses say."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import requests

from pubsubclient._http.adapter import BoundedAdapter
from pubsubclient._http.responses import store_ops
from pubsubclient.cli.text import counted

__all__ = ["CountingAdapter", "Operations"]

#: US dollars for a million of Firestore's operations, by list price (https://cloud.google.com/firestore/pricing, us-central1)
_READ, _WRITE, _DELETE = 0.30, 0.90, 0.10


class Operations(NamedTuple):
    """Billed operations."""

    reads: int = 0
    writes: int = 0
    deletes: int = 0

    @property
    def dollars(self) -> float:
        """What they cost in Firestore by list price, US dollars."""
        return (self.reads * _READ + self.writes * _WRITE + self.deletes * _DELETE) / 1e6

    def minus(self, other: Operations) -> Operations:
        """Return the operations since `other`."""
        return Operations(*(now - then for now, then in zip(self, other, strict=True)))

    def __str__(self) -> str:
        kinds = [(self.reads, "read"), (self.writes, "write"), (self.deletes, "delete")]
        said = ", ".join(counted(count, kind) for count, kind in kinds if count or kind == "read")
        return f"{said} (${self.dollars:.7f}".rstrip("0").rstrip(".") + " in Firestore)"


class CountingAdapter(BoundedAdapter):
    """Sends requests, and adds up what their responses say that they cost."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.spent = Operations()
        self._lock = threading.Lock()

    def send(self, *arguments: Any, **named: Any) -> requests.Response:
        """See `BoundedAdapter.send`."""
        response = super().send(*arguments, **named)
        cost = store_ops(response)
        with self._lock:
            self.spent = Operations(*(had + more for had, more in zip(self.spent, cost, strict=True)))
        return response
