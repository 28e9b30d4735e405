"""The command ``python -m pubsubclient.worker app:app``, which is ``pubsub worker app:app`` too."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pubsubclient._core.arguments import check_count
from pubsubclient._core.errors import ConfigurationError, InvalidArgument
from pubsubclient._worker.event_log import CommandLogFormatter, EventLogFilter
from pubsubclient._worker.load import load_app
from pubsubclient._worker.options import Options
from pubsubclient._worker.processes import Processes, end_with_parent
from pubsubclient._worker.reload import Changes

if TYPE_CHECKING:
    from pubsubclient._worker.worker import Worker

__all__ = ["add_options", "main", "run", "run_worker"]

#: how long a drain may take before a reload, seconds
_RELOAD_DRAIN_S = 2.0
_MAX_PROCESSES = 64


def main(argv: Sequence[str] | None = None, prog: str = "python -m pubsubclient.worker") -> int:
    """Run a worker until a signal; returns the exit status: 2 for a mistake of the command line or the configuration."""
    try:
        return run(sys.argv[1:] if argv is None else argv, prog)
    except (ConfigurationError, InvalidArgument) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2


def run(argv: Sequence[str], prog: str) -> int:
    """Do the same as `main`, but raise ConfigurationError or InvalidArgument for a mistake."""
    parser = _Parser(prog=prog, description="Run the handlers of an app until SIGTERM or Ctrl-C.")
    parser.add_argument("app", metavar="MODULE:APP", help="the app, for instance shop.orders:app")
    add_options(parser)
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as ended:  # argparse has written the help
        return int(ended.code or 0)
    return run_worker(arguments, partial(load_app, arguments.app), [sys.executable, "-m", "pubsubclient.worker", *argv])


def run_worker(arguments: argparse.Namespace, load: Callable[[], Any], command: Sequence[str]) -> int:
    """Run a worker, or several processes of it, until a signal; returns the exit status.

    Args:
        arguments: values of the options that `add_options` adds
        load: returns the app; called in the process that runs it
        command: the command line that this process was started with. The processes that it starts get it with more options

    Raises:
        ConfigurationError, InvalidArgument: a mistake of the command line or the configuration
    """
    _log_to_stderr(arguments.log_level)
    options = {
        name: value
        for name in ("concurrency", "async_concurrency", "drain_timeout", "burst", "health", "prefetch")
        if (value := getattr(arguments, name)) is not None
    }
    if arguments.no_subscribe:
        options["subscribe"] = False
    if arguments.reload:
        options.setdefault("drain_timeout", _RELOAD_DRAIN_S)
    Options(**options)
    processes = check_count("--processes", arguments.processes, 1, _MAX_PROCESSES)
    if processes > 1 or arguments.reload:
        return _processes(arguments, options, command).run()
    worker: Worker = load().worker(**options)
    if arguments.child:
        end_with_parent(partial(worker.stop, "parent"))
    return worker.run()


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(EventLogFilter())
    handler.setFormatter(CommandLogFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _processes(arguments: argparse.Namespace, options: dict[str, object], command: Sequence[str]) -> Processes:
    if arguments.processes > 1 and arguments.health is not None:
        raise InvalidArgument("--health: several processes cannot listen at one port; start one worker for each port.")
    more = ["--processes", "1", "--child"]
    if arguments.reload:
        more += ["--no-reload", "--drain-timeout", str(options["drain_timeout"])]
    return Processes([*command, *more], arguments.processes, Changes(Path.cwd()) if arguments.reload else None)


class _Parser(argparse.ArgumentParser):
    """Raises InvalidArgument, one line, where argparse would write the usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise InvalidArgument(f"{message} (see {self.prog} --help)")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a worker's command."""
    parser.add_argument("--concurrency", type=int, metavar="N", help="threads for plain handlers (8)")
    parser.add_argument("--async-concurrency", type=int, metavar="N", help="runs of async handlers at one time (100)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="processes, each a worker (1)")
    parser.add_argument("--prefetch", type=float, metavar="SECONDS", help="how much work to hold ready (1)")
    parser.add_argument(
        "--drain-timeout", type=float, metavar="SECONDS", help="how long a stop waits for handlers (25)"
    )
    parser.add_argument("--burst", action="store_true", help="end when nothing is left to do")
    parser.add_argument("--health", metavar="ADDRESS", help="answer GET /healthz at 8080, or 0.0.0.0:8080")
    parser.add_argument(
        "--reload", action=argparse.BooleanOptionalAction, default=False, help="restart when a .py file changes"
    )
    parser.add_argument("--no-subscribe", action="store_true", help="leave the subscriptions as they are")
    parser.add_argument(
        "--log-level",
        default="info",
        choices=["debug", "info", "warning", "error"],
        help="what to log on stderr (info)",
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
