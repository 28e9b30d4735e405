"""The command ``pubsub``. Exit codes: 0 ended as asked, 2 could not start (one line on stderr says why)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from pubsub_emulator.ending import end_on_signal
from pubsubservice import __version__

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, without the usage."""
        fail(f"{message} (see {self.prog} --help)", self.prog)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; SystemExit for what ends early."""
    options = _parser().parse_args(arguments)
    ended = end_on_signal()  # before the imports, which take half a second
    try:
        from pubsub_emulator import command  # noqa: PLC0415 - `pubsub --version` needs none of it
    except ModuleNotFoundError as error:
        fail(f"{error.name} is missing: pip install 'pubsubclient[emulator]'")
    return command.run(options, ended)


def fail(message: str, program: str = "pubsub emulator") -> NoReturn:
    """End with one line on stderr and exit code 2."""
    line = " ".join(message.split())
    sys.stderr.write(f"{program}: {line}\n")
    raise SystemExit(2)


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
    emulator.add_argument(
        "--log-requests", action="store_true", help="one JSON line per request on stderr, as in the cloud"
    )
    return parser


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; nothing authenticates (default: %(default)s)",
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
