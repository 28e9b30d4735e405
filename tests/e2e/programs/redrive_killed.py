"""Redrives the dead letters of a topic from here, and is killed (SIGKILL) at the one with the number that it is told.

redrive_killed.py SUBSCRIBER TOPIC 17
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from pubsubclient import Subscriber
from pubsubclient._subscribe import client_redrive as _redrive

left = int(sys.argv[3])
accepted = _redrive.accepted


def accepted_until_killed(filters: Any, members: Any) -> bool:
    """What filters say of a dead letter, but for the one at which this process ends."""
    global left
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return accepted(filters, members)


_redrive.accepted = accepted_until_killed
subscriber = Subscriber(sys.argv[1])
_redrive.client_redrive(subscriber._transport, subscriber.state(), sys.argv[2], [])
