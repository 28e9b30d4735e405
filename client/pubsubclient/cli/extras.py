"""Imports what only an extra brings."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from pubsubclient._core.extras import install_command
from pubsubclient.cli.failures import CommandError

__all__ = ["import_with_extra", "missing"]


def import_with_extra(module: str, extra: str, what: str = "this command") -> ModuleType:
    """Import a module. Raises CommandError, one line with the command that installs the extra, if it needs what is missing."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise missing(what, error, extra) from error


def missing(what: str, error: ModuleNotFoundError, extra: str) -> CommandError:
    """Return the error for an option or command `what` that needs `extra`. Raises `error` if our package itself is broken."""
    top = (error.name or "").partition(".")[0]
    if top.startswith("pubsub"):
        raise error
    name = "Google's libraries" if top in {"google", "grpc"} else top
    has_emulator = find_spec("functions_framework") is not None
    extras = (extra,) if has_emulator or extra in {"cli", "emulator"} else ("emulator", extra)
    return CommandError(f"{what} needs {name}: {install_command(*extras)}", code="config")
