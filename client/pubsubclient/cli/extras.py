"""Imports what only an extra brings."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from pubsubclient.cli.failures import CommandError

__all__ = ["import_with_extra"]


def import_with_extra(module: str, extra: str) -> ModuleType:
    """Import a module. Raises CommandError, in one line that names the extra, if something that it needs is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        missing = f"{error.name} is missing: pip install 'pubsubclient[{extra}]'"
        raise CommandError(missing, code="config") from error
