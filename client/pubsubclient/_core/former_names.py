"""Aliases of moved modules: a pickle of an earlier version names the module that its class was in then."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

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
    """Enter the modules in `sys.modules` under their former names too; they are imported when a pickle asks for them."""
    for former, now in _MOVED.items():
        sys.modules[f"{package}.{former}"] = _FormerModule(package, former, now)


class _FormerModule(ModuleType):
    """Has the names of the present module."""

    def __init__(self, package: str, former: str, now: str) -> None:
        super().__init__(f"{package}.{former}")
        self._package = package
        self._now = now

    def __getattr__(self, name: str) -> Any:
        """Return what is public under that name, else what the present module has; it is pickled again as that."""
        if name.startswith("__"):
            raise AttributeError(name)
        public = getattr(import_module(self._package), name, None)
        return getattr(import_module(f"{self._package}.{self._now}"), name) if public is None else public
