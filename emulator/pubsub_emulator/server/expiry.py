"""Retention on this machine: ``expire`` again and again, as Cloud Scheduler has it run in the cloud."""

from __future__ import annotations

import logging
import threading

from pubsubservice.core.meter import start_meter
from pubsubservice.core.problems import Problem
from pubsubservice.service import Service
from pubsubservice.storage.port import StoreError

__all__ = ["Expiry"]

_logger = logging.getLogger("pubsub_emulator.expiry")

#: batches deleted before the end is looked for
_MAX_BATCHES = 1_000
_END_S = 5.0


class Expiry:
    """Runs ``expire`` in a thread of its own, every so many seconds, from construction until `close`.

    Emulators that share a store may all do so.
    """

    def __init__(self, service: Service, every_s: float) -> None:
        self._service = service
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pubsub-expire", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Begin no further run, and wait a little for the one under way: killed in the middle it is finished by the next."""
        self._ended.set()
        self._thread.join(_END_S)

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            start_meter()
            try:
                while self._service.housekeeping.run(_MAX_BATCHES).more and not self._ended.is_set():
                    pass
            except (Problem, StoreError) as error:
                _logger.warning("expire stopped, the next run goes on: %s: %s", type(error).__name__, error)
