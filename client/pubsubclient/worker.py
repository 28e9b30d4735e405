"""Workers, which run an app's handlers: the command ``python -m pubsubclient.worker``, and what the log of handlers needs."""

from __future__ import annotations

import sys

from pubsubclient._worker.command import main
from pubsubclient._worker.event_log import EventLogFilter, current_event
from pubsubclient._worker.worker import Worker

__all__ = ["EventLogFilter", "Worker", "current_event", "main"]

if __name__ == "__main__":
    sys.exit(main())
