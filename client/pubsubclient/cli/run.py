"""Runs a command line. Imports click only after `pubsub emulator` and `pubsub exec` can be ended by a signal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from pubsubclient import __version__
from pubsubclient._core.errors import PubSubError
from pubsubclient.cli.extras import missing
from pubsubclient.cli.failures import INTERRUPTED, CommandError, Interrupted, ReaderHasGone, failure_of

__all__ = ["main"]

#: the commands that catch signals, and what they catch them with: importing the rest takes half a second
_CATCHES_SIGNALS = {
    "emulator": ("pubsub_emulator.cli.stop_signals", "stop_on_signal"),
    "exec": ("pubsub_emulator.cli.forwarded_signals", "Signals"),
}
#: the commands that need more than the extra `cli`
_EXTRAS = {"emulator": "emulator", "console": "emulator", "exec": "emulator", "token": "auth"}
#: the common options that take a value
_WITH_VALUE = ("-s", "--service", "--timeout", "--token", "--color")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code. ``docs/command-line.md`` lists the codes."""
    own, user_command = _split(list(sys.argv[1:] if arguments is None else arguments))
    if own == ["--version"]:  # also without click
        sys.stdout.write(f"pubsub {__version__}\n")
        return 0
    name = _name_in(own)
    signals = _catch_signals(name) if user_command is not None or name == "emulator" else None
    try:
        import_module("click")
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(name, "cli")
        return _report(missing("this command" if name else "it", error, extra), _program(own), own)
    return _run(own, user_command, signals)


def _split(arguments: list[str]) -> tuple[list[str], list[str] | None]:
    """Split off the user's command after the ``--`` of `pubsub exec`, whose options are not ours."""
    if "--" in arguments and _name_in(arguments) == "exec":
        index = arguments.index("--")
        return arguments[:index], arguments[index + 1 :]
    return arguments, None


def _name_in(arguments: list[str]) -> str:
    """Return the name of the subcommand; empty if there is none."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            return word
        if word in _WITH_VALUE:
            next(words, None)
    return ""


def _catch_signals(name: str) -> object:
    module, function = _CATCHES_SIGNALS[name]
    catch: Callable[[], object] = getattr(import_module(module), function)
    return catch()


def _run(own: list[str], user_command: list[str] | None, signals: object) -> int:
    import click  # noqa: PLC0415 - see the module

    from pubsubclient.cli.common import Common  # noqa: PLC0415
    from pubsubclient.cli.group import pubsub  # noqa: PLC0415

    common = Common()
    common.signals, common.user_command = signals, user_command
    try:
        code: Any = pubsub.main(own, "pubsub", standalone_mode=False, obj=common)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(f"{error.format_message()}\n")
        return error.exit_code
    except click.UsageError as error:
        program = error.ctx.command_path if error.ctx is not None else "pubsub"
        failure = CommandError(f"{error.format_message().rstrip('.')} (see {program} --help)")
    except click.ClickException as error:
        failure, program = CommandError(error.format_message()), _program(own)
    except (click.Abort, Interrupted, KeyboardInterrupt):
        common.output.clear_progress()
        return INTERRUPTED
    except ReaderHasGone:
        _close_stdout()
        return 0
    except CommandError as error:
        failure, program = error, _program(own)
    except PubSubError as error:
        failure, program = failure_of(error), _program(own)
    common.output.clear_progress()
    return _report(failure, program, own)


def _report(failure: CommandError, program: str, own: list[str]) -> int:
    sys.stderr.write(failure.show(program, as_json="--json" in own) + "\n")
    return failure.exit_code


def _program(own: list[str]) -> str:
    return f"pubsub {_name_in(own)}".strip()


def _close_stdout() -> None:
    """Let nothing else be written to a reader that has gone, for instance `head`."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
