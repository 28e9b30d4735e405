"""Where modules were before they had rooms: a pickle of then names the module that its class was in."""

from __future__ import annotations

import sys
from importlib import import_module

__all__ = ["answer_to_former_names"]

#: modules that classes of pickled objects were in, and where these are now
_MOVED = {
    "_errors": "_core.errors",
    "_event": "_events.event",
    "_publish_errors": "_publish.errors",
    "_receipts": "_publish.receipts",
    "_service": "_http.service",
    "_state": "_subscribe.descriptions",
    "_topic": "_events.topic",
}


def answer_to_former_names(package: str) -> None:
    """Have the modules, which are imported already, found under their former names too."""
    for former, now in _MOVED.items():
        sys.modules[f"{package}.{former}"] = import_module(f"{package}.{now}")
