"""Retention: runs ``expire`` periodically, as Cloud Scheduler does in the cloud."""

from __future__ import annotations

import logging
import threading

from pubsubservice.core.meter import start_meter
from pubsubservice.core.problems import Problem
from pubsubservice.service import Service
from pubsubservice.storage.port import StoreError

__all__ = ["Expiry"]

_logger = logging.getLogger("pubsub_emulator.expiry")

#: batches deleted at a time; between two runs the thread checks whether it was closed
_MAX_BATCHES = 1_000
_CLOSE_TIMEOUT_S = 5.0


class Expiry:
    """Runs ``expire`` every `every_s` seconds in its own thread, from construction until `close`.

    Several emulators that share a store may do this at the same time.
    """

    def __init__(self, service: Service, every_s: float) -> None:
        self._service = service
        self._every_s = every_s
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pubsub-expire", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Start no further run, and wait up to 5 s for the current one. The next run finishes one that was killed."""
        self._closed.set()
        self._thread.join(_CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while not self._closed.wait(self._every_s):
            start_meter()
            try:
                while self._service.housekeeping.run(_MAX_BATCHES).more and not self._closed.is_set():
                    pass
            except (Problem, StoreError) as error:
                _logger.warning("expire failed; the next run continues from there: %s: %s", type(error).__name__, error)
