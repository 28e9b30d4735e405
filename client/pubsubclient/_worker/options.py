"""The options of a worker, checked."""

from __future__ import annotations

from pubsubclient._core.arguments import Seconds, check_count, check_flag, check_seconds, shown
from pubsubclient._core.errors import InvalidArgument

__all__ = ["MAX_PREFETCH", "Options", "address_of"]

#: the most events that a worker holds of one subscriber without having begun them
MAX_PREFETCH = 1_000


class Options:
    """How a worker works.

    Args:
        concurrency: threads for plain handlers, 1 to 1,000
        async_concurrency: runs of ``async def`` handlers at one time, 1 to 10,000
        drain_timeout: how long a stop waits for handlers that run, 0 to 86,400 seconds
        burst: end when there is nothing left to do, instead of waiting for events. Events that are due later do not count
        prefetch: how many seconds of work to hold ready, 0 to 60; at least one event a thread, at most 1,000 events
        settle_within: how long an outcome may wait for others before it is sent, 0 to 10 seconds
        health: where to answer ``GET /healthz``: ``"8080"`` (to this machine alone), or ``"0.0.0.0:8080"``
        subscribe: make or change the handlers' subscriptions at the start

    Raises:
        InvalidArgument: an option is of a wrong type or out of its range
    """

    def __init__(
        self,
        *,
        concurrency: int = 8,
        async_concurrency: int = 100,
        drain_timeout: Seconds = 25,
        burst: bool = False,
        prefetch: Seconds = 1.0,
        settle_within: Seconds = 0.1,
        health: str | None = None,
        subscribe: bool = True,
    ) -> None:
        self.concurrency = check_count("concurrency", concurrency, 1, 1_000)
        self.async_concurrency = check_count("async_concurrency", async_concurrency, 1, 10_000)
        self.drain_timeout = check_seconds("drain_timeout", drain_timeout, 0, 86_400)
        self.burst = check_flag("burst", burst)
        self.prefetch = check_seconds("prefetch", prefetch, 0, 60)
        self.settle_within = check_seconds("settle_within", settle_within, 0, 10)
        self.health = None if health is None else address_of(health)
        self.subscribe = check_flag("subscribe", subscribe)


def address_of(text: object) -> tuple[str, int]:
    """Return host and port of ``host:port``, ``:port`` or ``port``. Raises InvalidArgument."""
    if isinstance(text, str):
        host, _, port = text.rpartition(":")
        if port.isascii() and port.isdigit() and int(port) <= 0xFFFF:
            return host.strip("[]") or "127.0.0.1", int(port)
    raise InvalidArgument(
        f'health: expected a port or an address, for instance "8080" or "0.0.0.0:8080"; got {shown(text)}.'
    )
