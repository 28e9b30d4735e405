"""Several worker processes under one: started, restarted when they die, and ended together."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from pubsubclient._worker.reload import Changes
from pubsubclient._worker.signal_handlers import handling_signals

__all__ = ["Processes", "end_with_parent"]

#: the pause before a process is started again, seconds: doubled each time, until one has lived for long
_FIRST_PAUSE_S = 1.0
_MAX_PAUSE_S = 30.0
#: one process that dies so often in so many seconds will not recover
_MAX_DEATHS = 5
_DEATHS_S = 60.0
#: how often to look for changed files, seconds
_LOOK_S = 0.5
#: exit statuses that another start would not change: wrong configuration
_MISCONFIGURED = 2

_log = logging.getLogger("pubsubclient.worker")


class _Place:
    """One of the processes, through all its restarts."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths: deque[float] = deque(maxlen=_MAX_DEATHS)
        self.pause_s = _FIRST_PAUSE_S
        #: monotonic time of the next start
        self.start_at: float | None = 0.0

    def start(self, command: Sequence[str]) -> None:
        """Start the process."""
        self.start_at = None
        # in a session of its own, because a terminal sends Ctrl-C to the whole session, and this process passes it on
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603

    def died(self, now: float) -> bool:
        """Record a death; returns whether it has died too often."""
        if self.deaths and now - self.deaths[-1] > _DEATHS_S:
            self.pause_s = _FIRST_PAUSE_S
        self.deaths.append(now)
        self.start_at, self.pause_s = now + self.pause_s, min(_MAX_PAUSE_S, 2 * self.pause_s)
        return len(self.deaths) == _MAX_DEATHS and now - self.deaths[0] <= _DEATHS_S


class Processes:
    """Runs a command in several processes, which are started, never forked.

    A byte on its standard input asks a process to stop, and so does the end of that, when this process was killed. A signal
    would not do: some process managers send one to all processes, and then the second one would cut what still runs.

    Args:
        command: the worker's command line
        count: how many processes
        changes: restart all when these files change; None: never
    """

    def __init__(self, command: Sequence[str], count: int, changes: Changes | None = None) -> None:
        self._command = command
        self._places = [_Place(number) for number in range(1, count + 1)]
        self._changes = changes
        #: signals that came, to be passed on; `SimpleQueue`, because a signal handler may put into it at any point
        self._signals: SimpleQueue[int] = SimpleQueue()
        self._stopping = False

    def run(self) -> int:
        """Run until a signal; returns the exit status: 1 if a process has died five times in a minute, or did not end well."""
        with handling_signals(self._signals.put):
            try:
                return self._supervise()
            finally:
                for place in self._places:
                    if place.process is not None and place.process.poll() is None:
                        place.process.kill()

    def _supervise(self) -> int:
        status = 0
        while True:
            now = time.monotonic()
            for place in self._places:
                if place.process is not None and (ended := place.process.poll()) is not None:
                    self._close(place)
                    status = max(status, self._judge(place, ended, now))
                if not self._stopping and place.start_at is not None and now >= place.start_at:
                    place.start(self._command)
                    assert place.process is not None  # noqa: S101 - for mypy
                    _log.info("Process %d: started, pid %d.", place.number, place.process.pid)
            running = [place for place in self._places if place.process is not None]
            is_over = self._changes is None and all(place.start_at is None for place in self._places)
            if not running and (self._stopping or is_over):
                return status
            if self._changes is not None and not self._stopping and self._changes.look():
                self._restart_all()
            self._pass_on_signals()

    def _judge(self, place: _Place, ended: int, now: float) -> int:
        """A process has ended; returns what that means for the exit status."""
        if self._stopping:
            return 1 if ended else 0
        if ended == 0:
            place.start_at = None if self._changes is None else place.start_at
            return 0  # a burst
        told = f"signal {-ended}" if ended < 0 else f"status {ended}"
        if self._changes is not None:
            _log.error("Process %d ended with %s; it starts again when a file changes.", place.number, told)
            return 0
        if ended == _MISCONFIGURED:
            self._stop()
            return _MISCONFIGURED
        if place.died(now):
            _log.error(
                "Process %d died %d times within a minute, at last with %s: all end.", place.number, _MAX_DEATHS, told
            )
            self._stop()
            return 1
        _log.error(
            "Process %d died with %s; it starts again in %.0f s.", place.number, told, (place.start_at or now) - now
        )
        return 0

    def _pass_on_signals(self) -> None:
        """Wait a little, and pass on the signals that come meanwhile."""
        with suppress(Empty):
            number = self._signals.get(timeout=_LOOK_S / 5)
            if number in {signal.SIGTERM, signal.SIGINT}:
                self._stop()
                return
            for place in self._places:
                if place.process is not None:
                    place.process.send_signal(number)

    def _stop(self) -> None:
        """Ask all processes to stop; the second time, to end at once."""
        self._stopping = True
        self._ask_to_stop()

    def _ask_to_stop(self) -> None:
        for place in self._places:
            if place.process is not None and place.process.stdin is not None:
                with suppress(OSError):  # it has just ended
                    place.process.stdin.write(b"s")
                    place.process.stdin.flush()

    def _restart_all(self) -> None:
        """End all processes and start them again, because a file has changed."""
        self._ask_to_stop()
        for place in self._places:
            if place.process is not None:
                place.process.wait()
                self._close(place)
            place.start_at = 0.0

    def _close(self, place: _Place) -> None:
        process, place.process = place.process, None
        if process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()


def end_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` for each byte on the standard input, and when it ends, because the process that started this one is gone."""

    def wait() -> None:
        with suppress(OSError, ValueError):
            while os.read(sys.stdin.fileno(), 1):
                stop()
        stop()

    threading.Thread(target=wait, name="parent", daemon=True).start()
