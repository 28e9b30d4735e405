"""Aliases of moved modules: a pickle of an earlier version names the module that its class was in then."""

from __future__ import annotations

import sys
from importlib import import_module

__all__ = ["add_former_names"]

#: former modules of classes that can be pickled, and the present modules
_MOVED = {
    "_errors": "_core.errors",
    "_event": "_events.event",
    "_publish_errors": "_publish.errors",
    "_receipts": "_publish.receipts",
    "_service": "_http.service",
    "_state": "_subscribe.descriptions",
    "_topic": "_events.topic",
}


def add_former_names(package: str) -> None:
    """Enter the modules in `sys.modules` under their former names too."""
    for former, now in _MOVED.items():
        sys.modules[f"{package}.{former}"] = import_module(f"{package}.{now}")
