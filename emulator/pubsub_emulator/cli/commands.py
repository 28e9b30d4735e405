"""The command ``pubsub``. Exit codes: 0 ended as asked, 2 could not start (one line on stderr says why)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from pubsub_emulator.cli.forwarded_signals import Signals
from pubsub_emulator.cli.stop_signals import end_on_signal
from pubsubservice import __version__

__all__ = ["main"]

#: a token may live a year
_MAX_TOKEN_S = 366 * 24 * 3600
_MAX_PAUSE_S = 86_400


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, without the usage."""
        fail(f"{message} (see {self.prog} --help)", self.prog)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; SystemExit for what ends early."""
    own, given = _split(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(own)
    if options.command == "token":
        printed: int = _part("token", "pubsub token").print_token(options)
        return printed
    # signals are caught before the imports, which take half a second
    if options.command == "exec":
        if not given:
            fail("a command is expected: pubsub exec -- COMMAND ...", "pubsub exec")
        signals = Signals()
        code: int = _part("exec", "pubsub exec").run(options, given, signals)
    else:
        ended = end_on_signal()
        code = _part("emulator").run(options, ended)
    return code


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments, and the command after the ``--`` of `pubsub exec`: nothing of it is ours, whatever it looks like."""
    if arguments[:1] == ["exec"] and "--" in arguments:
        place = arguments.index("--")
        return list(arguments[:place]), list(arguments[place + 1 :])
    return list(arguments), []


def _part(name: str, program: str = "pubsub emulator") -> ModuleType:
    """A module of this folder, imported now: `pubsub --version` needs none of what they import."""
    try:
        return import_module(f"pubsub_emulator.cli.{name}")
    except ModuleNotFoundError as error:
        fail(f"{error.name} is missing: pip install 'pubsubclient[emulator]'", program)


def fail(message: str, program: str = "pubsub emulator", code: int = 2) -> NoReturn:
    """End with one line on stderr and an exit code."""
    line = " ".join(message.split())
    sys.stderr.write(f"{program}: {line}\n")
    raise SystemExit(code)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="pubsub", description="Publish and subscribe without a broker.")
    parser.add_argument("--version", action="version", version=f"pubsub {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    emulator = commands.add_parser(
        "emulator",
        help="serve the functions on this machine",
        description="Serve the functions of the cloud on this machine, over a SQLite file.",
        epilog="It prints `pubsub emulator ready: URL` once it serves. Ctrl-C or SIGTERM ends it when the requests "
        "under way are answered; a second signal ends it at once.",
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
        help="delete what topics no longer keep this often; 0: only when POST /expire asks for it (default: %(default)g)",
    )
    emulator.set_defaults(command="emulator")
    _add_exec(commands)
    _add_token(commands)
    return parser


def _add_exec(commands: argparse._SubParsersAction[_Parser]) -> None:
    execute = commands.add_parser(
        "exec",
        help="run a command with an emulator of its own",
        usage="pubsub exec [-h] [--firestore google|HOST:PORT] -- COMMAND ...",
        description="Run a command with an ephemeral emulator, whose address it finds in PUBLISH_SUBSCRIBE_SERVICE, "
        "as the SDK does. The emulator ends with it, and nothing is kept.",
        epilog="Signals are passed on. The exit code is the command's; 128 + N if signal N ended it; 127 if it was not "
        "found, 126 if it could not be run, 125 if the emulator could not start.",
    )
    execute.add_argument(
        "--firestore",
        metavar="google|HOST:PORT",
        help="over a Firestore emulator: start Google's, or the one at HOST:PORT",
    )
    execute.set_defaults(command="exec")


def _add_identity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--auth",
        action="store_true",
        help="tell callers apart by ID tokens of a key of its own: a name belongs to who registers it",
    )
    parser.add_argument(
        "--admin", action="append", default=[], metavar="EMAIL", help="with --auth: may use every name; repeatable"
    )


def _add_token(commands: argparse._SubParsersAction[_Parser]) -> None:
    token = commands.add_parser(
        "token",
        help="print an ID token for `pubsub emulator --auth`",
        description="Print an ID token that an emulator with --auth trusts, for X-Pubsub-Token.",
        epilog="The SDK sends the one in PUBLISH_SUBSCRIBE_TOKEN.",
    )
    token.add_argument("--email", metavar="EMAIL", help="what its owner is called, in logs and among the admins")
    token.add_argument("--sub", metavar="ID", help="who its owner is (default: the email)")
    token.add_argument(
        "--expires-in", type=_seconds, default=3600, metavar="SECONDS", help="its life (default: %(default)s)"
    )
    token.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="the emulator's key, as it prints it (default: that of .pubsub in the working directory)",
    )
    token.set_defaults(command="token")


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; without --auth anyone who reaches it may publish and read (default: %(default)s)",
    )
    parser.add_argument("--port", type=_port, default=8000, help="0 picks a free one (default: %(default)s)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this name too, beside localhost, loopback addresses and --host; repeatable",
    )


def _add_store(parser: argparse.ArgumentParser) -> None:
    store = parser.add_mutually_exclusive_group()
    store.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="keep events here; several emulators may share it (default: .pubsub in the working directory)",
    )
    store.add_argument("--ephemeral", action="store_true", help="keep nothing after the end")
    store.add_argument(
        "--firestore",
        metavar="google|HOST:PORT",
        help="use a Firestore emulator instead of SQLite: start Google's, or the one at HOST:PORT "
        "(default: FIRESTORE_EMULATOR_HOST, if set and no other store is asked for)",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to 65535")
    return int(text)


def _pause(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MAX_PAUSE_S:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds: 0 to {_MAX_PAUSE_S}")
    return seconds


def _seconds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_TOKEN_S:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds: 1 to {_MAX_TOKEN_S}")
    return int(text)
