"""How a command fails: one line or one JSON object on stderr, and an exit code."""

from __future__ import annotations

import json
from typing import Any

from pubsubclient._core.errors import (
    ConfigurationError,
    Forbidden,
    InvalidArgument,
    NoServiceNamed,
    NotFound,
    PubSubError,
    ServiceError,
    Unavailable,
)
from pubsubclient.cli.text import one_line

__all__ = [
    "INTERRUPTED", "NOT_ALLOWED", "NO_ANSWER", "PARTLY", "REFUSED", "UNKNOWN", "USAGE", "CommandError", "Interrupted",
    "ReaderHasGone",     "failure_of", "too_old",
]  # fmt: skip

REFUSED, USAGE, NO_ANSWER, UNKNOWN, NOT_ALLOWED, PARTLY, INTERRUPTED = 1, 2, 3, 4, 5, 6, 130


class CommandError(Exception):
    """A command cannot do what it was asked to.

    Attributes:
        detail: one sentence that says what was wrong
        code: stable identifier: the service's code, or ``usage``, ``config``, ``no_answer``
        exit_code: the exit code of the process
        more: further members of the JSON object, for instance ``status``
    """

    def __init__(self, detail: str, *, code: str = "usage", exit_code: int = USAGE, **more: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.exit_code = exit_code
        self.more = more

    def show(self, program: str, *, as_json: bool) -> str:
        """Return the line for stderr."""
        if as_json:
            return json.dumps({"error": {"code": self.code, "detail": self.detail, **self.more}})
        return f"{program}: {one_line(self.detail)}"


class ReaderHasGone(Exception):  # noqa: N818 - it is no failure
    """Nobody reads stdout any more, for instance because `head` has ended. Not an OSError, for which click ends with 1."""


class Interrupted(Exception):  # noqa: N818
    """Ctrl-C. Not a KeyboardInterrupt, for which click writes an empty line to stderr."""


def failure_of(error: PubSubError) -> CommandError:
    """Return what an error of the SDK means for a command."""
    if isinstance(error, ServiceError):
        exit_code = _EXIT_CODES.get(type(error), REFUSED)
        return CommandError(error.detail, code=error.code, exit_code=exit_code, status=error.status)
    if isinstance(error, Unavailable):
        return CommandError(str(error), code="no_answer", exit_code=NO_ANSWER)
    if isinstance(error, NoServiceNamed):
        named = "Name one with --service URL, by PUBLISH_SUBSCRIBE_SERVICE, or in a config.json, which `pubsub init` writes."
        return CommandError(f"No service is named. {named}", code="config")
    if isinstance(error, ConfigurationError):
        return CommandError(str(error), code="config")
    if isinstance(error, InvalidArgument):
        return CommandError(str(error))
    reason = getattr(error, "reason", None)
    return failure_of(reason) if isinstance(reason, PubSubError) else CommandError(str(error), exit_code=REFUSED)


def too_old(error: ServiceError, what: str) -> Exception:
    """Return the error for a call that older services do not know; other errors unchanged."""
    if error.status != 405:
        return error
    detail = f"This service is older than `pubsub`, and cannot {what}: upgrade it."
    return CommandError(detail, code=error.code, exit_code=REFUSED, status=error.status)


_EXIT_CODES: dict[type[ServiceError], int] = {Forbidden: NOT_ALLOWED, NotFound: UNKNOWN}
