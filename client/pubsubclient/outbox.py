"""Events that leave with the program's own transaction: `Outbox`; and effects that happen once: `ProcessedOnce`."""

from __future__ import annotations

from pubsubclient._outbox.outbox import Outbox, SetAside
from pubsubclient._outbox.processed import ProcessedOnce
from pubsubclient._outbox.relay import Relay

__all__ = ["Outbox", "ProcessedOnce", "Relay", "SetAside"]
