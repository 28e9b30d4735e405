"""Redrives the dead letters of a topic, and is killed (SIGKILL) at the one with the number that it is told.

redrive_killed.py SUBSCRIBER TOPIC 17
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import ItemsView
from typing import Any

from pubsubclient import Subscriber


class Killing(dict[str, Any]):
    """A filter that every dead letter passes, but for the one at which this process ends."""

    left = int(sys.argv[3]) + 1  # the first look at it is none at a dead letter

    def items(self) -> ItemsView[str, Any]:
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
        return super().items()


Subscriber(sys.argv[1]).redrive(sys.argv[2], filters=[Killing({"prefix": {"reason": "no"}})])
