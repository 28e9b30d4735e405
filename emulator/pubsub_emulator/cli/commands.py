"""The command ``pubsub``: parses the command line and runs a subcommand.

Exit codes: 0 for success, 2 if the command could not start; one line on stderr then says why. `exec` has more of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from pubsub_emulator.cli.extras import extra_error
from pubsub_emulator.cli.failure import fail
from pubsub_emulator.cli.forwarded_signals import Signals
from pubsub_emulator.cli.stop_signals import stop_on_signal
from pubsubservice import __version__

__all__ = ["main"]

#: the longest lifetime of a token: a year
_MAX_TOKEN_S = 366 * 24 * 3600
#: the longest pause between two runs of `expire`: a day
_MAX_PAUSE_S = 86_400


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Report a usage error in one line. argparse would print the usage before it."""
        fail(f"{message} (see {self.prog} --help)", self.prog)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code. Raises SystemExit for --help, --version and errors."""
    own, user_command = _split(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(own)
    code: int
    if options.command == "token":
        code = _import_subcommand("token", "pubsub token", extra="auth").print_token(options)
    # The two below install their signal handlers before the imports, which take half a second.
    elif options.command == "exec":
        if not user_command:
            fail("a command is expected: pubsub exec -- COMMAND ...", "pubsub exec")
        signals = Signals()
        code = _import_subcommand("exec", "pubsub exec").run(options, user_command, signals)
    else:
        stopped = stop_on_signal()
        code = _import_subcommand("emulator").run(options, stopped)
    return code


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split off the user's command after the ``--`` of `pubsub exec`, so that argparse parses none of its options."""
    if arguments[:1] == ["exec"] and "--" in arguments:
        index = arguments.index("--")
        return list(arguments[:index]), list(arguments[index + 1 :])
    return list(arguments), []


def _import_subcommand(name: str, program: str = "pubsub emulator", *, extra: str = "emulator") -> ModuleType:
    """Import a module of this package only when its subcommand runs: `pubsub --version` needs no dependency."""
    try:
        return import_module(f"pubsub_emulator.cli.{name}")
    except ModuleNotFoundError as error:
        fail(str(extra_error("this command", error, extra)), program)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="pubsub", description="Publish and subscribe without a broker.")
    parser.add_argument("--version", action="version", version=f"pubsub {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    emulator = commands.add_parser(
        "emulator",
        help="serve the functions on this machine",
        description="Serve the cloud's functions on this machine, over a SQLite file.",
        epilog="The emulator prints `pubsub emulator ready: URL` when it accepts requests. On Ctrl-C or SIGTERM it "
        "finishes the open requests and exits; a second signal ends it at once.",
    )
    _add_address(emulator)
    _add_store(emulator)
    _add_identity(emulator)
    emulator.add_argument(
        "--log-requests", action="store_true", help="one JSON line per request on stderr, as in the cloud"
    )
    emulator.add_argument(
        "--expire-every",
        type=_pause,
        default=60.0,
        metavar="SECONDS",
        help="how often to delete events past their retention; 0: only on POST /expire (default: %(default)g)",
    )
    emulator.set_defaults(command="emulator")
    _add_exec(commands)
    _add_token(commands)
    return parser


def _add_exec(commands: argparse._SubParsersAction[_Parser]) -> None:
    execute = commands.add_parser(
        "exec",
        help="run a command with its own emulator",
        usage="pubsub exec [-h] [--firestore google|HOST:PORT] -- COMMAND ...",
        description="Run a command with its own ephemeral emulator. The emulator's address is in the command's "
        "environment, as PUBLISH_SUBSCRIBE_SERVICE, where the SDK reads it. The emulator ends with the command, and its "
        "events are deleted, except in a Firestore emulator at HOST:PORT.",
        epilog="Signals are forwarded to the command. The exit code is the command's; 128 + N if signal N ended it; 127 if "
        "the command was not found, 126 if it could not be run, 125 if the emulator could not start.",
    )
    execute.add_argument(
        "--firestore",
        metavar="google|HOST:PORT",
        help="store events in a Firestore emulator: start Google's, or use the one at HOST:PORT",
    )
    execute.set_defaults(command="exec")


def _add_identity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--auth",
        action="store_true",
        help="identify callers by ID tokens signed with the emulator's own key; the caller who registers a name owns it",
    )
    parser.add_argument(
        "--admin",
        action="append",
        default=[],
        metavar="EMAIL",
        help="with --auth: a caller who may use every name; repeatable",
    )


def _add_token(commands: argparse._SubParsersAction[_Parser]) -> None:
    token = commands.add_parser(
        "token",
        help="print an ID token for `pubsub emulator --auth`",
        description="Print an ID token that `pubsub emulator --auth` trusts, for the header X-Pubsub-Token.",
        epilog="The SDK sends the token in PUBLISH_SUBSCRIBE_TOKEN.",
    )
    token.add_argument("--email", metavar="EMAIL", help="the owner's email, for logs and the list of admins")
    token.add_argument("--sub", metavar="ID", help="the owner's id (default: the email)")
    token.add_argument(
        "--expires-in",
        type=_seconds,
        default=3600,
        metavar="SECONDS",
        help="lifetime of the token (default: %(default)s)",
    )
    token.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="the emulator's key file, as the emulator prints it (default: the one in .pubsub in the working directory)",
    )
    token.set_defaults(command="token")


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; without --auth anyone who reaches it may publish and read (default: %(default)s)",
    )
    parser.add_argument("--port", type=_port, default=8000, help="0 picks a free port (default: %(default)s)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="accept requests to this host name, besides localhost, loopback addresses and --host; repeatable",
    )


def _add_store(parser: argparse.ArgumentParser) -> None:
    store = parser.add_mutually_exclusive_group()
    store.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="keep events in DIR; several emulators may share it (default: .pubsub in the working directory)",
    )
    store.add_argument("--ephemeral", action="store_true", help="delete all events when the emulator ends")
    store.add_argument(
        "--firestore",
        metavar="google|HOST:PORT",
        help="store events in a Firestore emulator instead of SQLite: start Google's, or use the one at HOST:PORT "
        "(default: FIRESTORE_EMULATOR_HOST, if it is set and no other store is chosen)",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"invalid port {text}: expected 0 to 65535")
    return int(text)


def _pause(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MAX_PAUSE_S:
        raise argparse.ArgumentTypeError(f"expected 0 to {_MAX_PAUSE_S} seconds, got {text!r}")
    return seconds


def _seconds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_TOKEN_S:
        raise argparse.ArgumentTypeError(f"expected 1 to {_MAX_TOKEN_S} whole seconds, got {text!r}")
    return int(text)
