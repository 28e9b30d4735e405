"""The options of a worker, checked."""

from __future__ import annotations

from dataclasses import dataclass

from pubsubclient._core.arguments import check_count, check_flag, check_seconds, shown
from pubsubclient._core.errors import InvalidArgument

__all__ = ["MAX_PREFETCH", "Options", "address_of"]

#: the most events that a worker holds of one subscriber without having begun them
MAX_PREFETCH = 1_000


@dataclass(frozen=True)
class Options:
    """How a worker works. Raises InvalidArgument for an option of a wrong type or out of its range.

    Args:
        concurrency: threads for plain handlers, 1 to 1,000
        async_concurrency: runs of ``async def`` handlers at one time, 1 to 10,000
        drain_timeout: how long a stop waits for handlers that run, 0 to 86,400 seconds
        burst: end when there is nothing left to do, instead of waiting for events. Events that are due later do not count
        prefetch: how many seconds of work to hold ready, 0 to 60; at least one event a thread, at most 1,000 events
        settle_within: how long an outcome may wait for others before it is sent, 0 to 10 seconds
        health: where to answer ``GET /healthz``: ``"8080"`` (to this machine alone), or ``"0.0.0.0:8080"``
        subscribe: make or change the handlers' subscriptions at the start
    """

    concurrency: int = 8
    async_concurrency: int = 100
    drain_timeout: float = 25.0
    burst: bool = False
    prefetch: float = 1.0
    settle_within: float = 0.1
    health: str | None = None
    subscribe: bool = True

    def __post_init__(self) -> None:
        checked = {
            "concurrency": check_count("concurrency", self.concurrency, 1, 1_000),
            "async_concurrency": check_count("async_concurrency", self.async_concurrency, 1, 10_000),
            "drain_timeout": check_seconds("drain_timeout", self.drain_timeout, 0, 86_400),
            "burst": check_flag("burst", self.burst),
            "prefetch": check_seconds("prefetch", self.prefetch, 0, 60),
            "settle_within": check_seconds("settle_within", self.settle_within, 0, 10),
            "subscribe": check_flag("subscribe", self.subscribe),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.health is not None:
            address_of(self.health)


def address_of(text: object) -> tuple[str, int]:
    """Return host and port of ``host:port``, ``:port`` or ``port``. Raises InvalidArgument."""
    if isinstance(text, str):
        host, _, port = text.rpartition(":")
        if port.isascii() and port.isdigit() and int(port) <= 0xFFFF:
            return host.strip("[]") or "127.0.0.1", int(port)
    raise InvalidArgument(
        f'health: expected a port or an address, for instance "8080" or "0.0.0.0:8080"; got {shown(text)}.'
    )
