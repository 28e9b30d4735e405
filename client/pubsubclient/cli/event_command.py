"""Runs a user's command for an event, for `pubsub get --exec`."""

from __future__ import annotations

import subprocess
import threading
from typing import TYPE_CHECKING

from pubsubclient._core.errors import PubSubError
from pubsubclient._core.json import encode

if TYPE_CHECKING:
    from pubsubclient import ReceivedEvent

__all__ = ["run_for"]

#: while the command runs, its event is kept from others for this long, and asked for again after half of it, seconds
_LEASE_S = 60


def run_for(event: ReceivedEvent, program: str) -> int:
    """Run a line of shell with the event's JSON on its standard input; returns its exit code.

    Nobody else gets the event while the command runs.
    """
    ended = threading.Event()
    keeper = threading.Thread(target=_keep, args=(event, ended), daemon=True, name="pubsub lease")
    process = subprocess.Popen(program, shell=True, stdin=subprocess.PIPE)  # noqa: S602 - the user's own line
    keeper.start()
    try:
        process.communicate(encode(dict(event.members)) + b"\n")
        return process.returncode
    finally:
        ended.set()
        keeper.join()


def _keep(event: ReceivedEvent, ended: threading.Event) -> None:
    while not ended.wait(_LEASE_S / 2 if _extend(event) else _LEASE_S / 10):
        pass


def _extend(event: ReceivedEvent) -> bool:
    try:
        event.extend(_LEASE_S)
    except PubSubError:
        return False
    return True
