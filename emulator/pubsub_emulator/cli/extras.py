"""Say which extra is not installed, and the command that installs it."""

from __future__ import annotations

from importlib.util import find_spec

from pubsub_emulator.errors import ExtraError

__all__ = ["extra_error"]


def extra_error(what: str, error: ModuleNotFoundError, extra: str) -> ExtraError:
    """Return the error for `what`, an option or a command, that needs `extra`. Raises `error` if the package itself is broken."""
    from pubsubclient._core.extras import install_command  # noqa: PLC0415 - 0.1 s of imports, only to fail

    top = (error.name or "").partition(".")[0]
    if top.startswith("pubsub"):
        raise error
    name = "Google's libraries" if top in ("google", "grpc") else top
    has_emulator = find_spec("functions_framework") is not None
    extras = (extra,) if has_emulator or extra == "emulator" else ("emulator", extra)
    return ExtraError(f"{what} needs {name}: {install_command(*extras)}")
