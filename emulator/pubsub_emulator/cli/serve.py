"""Opens a store and serves the functions over it until a signal stops the process."""

from __future__ import annotations

import gc
import ipaddress
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pubsub_emulator.cli.browser import console_url, open_browser
from pubsub_emulator.cli.options import StoreOptions
from pubsub_emulator.cli.seed import read_seed, run_seed
from pubsub_emulator.cli.stop_signals import StopSignal
from pubsub_emulator.cli.stores import data_dir, open_store
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.errors import EmulatorError
from pubsub_emulator.server.draining import DrainingRuntime
from pubsub_emulator.server.malloc_trim import trimming
from pubsubclient.cli.extras import import_with_extra
from pubsubclient.cli.failures import CommandError
from pubsubclient.cli.output import Output
from pubsubservice.core.runtime import Runtime
from pubsubservice.storage.port import StoreError

if TYPE_CHECKING:
    from pubsubservice.api.identity import Identity

__all__ = ["ServeOptions", "run"]


class ServeOptions(NamedTuple):
    """The options of `pubsub emulator`."""

    store: StoreOptions
    host: str
    port: int
    #: further host names to answer to
    hosts: tuple[str, ...]
    #: emails of callers who may use every name; None: callers are not identified
    admins: tuple[str, ...] | None
    log_requests: bool
    #: seconds between two runs of `expire`; 0: none
    expire_every: float
    seed: Path | None
    #: whether browsers get the console at /
    console: bool
    #: whether to open it in a browser
    opens: bool


def run(options: ServeOptions, stopped: StopSignal, output: Output) -> int:
    """Serve until `stopped` is set, drain, and return the exit code. Raises CommandError if it cannot start."""
    _log_to_stderr(requests=options.log_requests)
    seed = read_seed(options.seed)
    runtime = DrainingRuntime()
    try:
        with (
            trimming(),
            open_store(options.store) as (store, location),
            _identity(options, runtime, output) as identity,
            Emulator(
                store,
                host=options.host,
                port=options.port,
                hosts=options.hosts,
                runtime=runtime,
                identity=identity,
                expire_s=options.expire_every,
                console=options.console,
            ) as emulator,
        ):
            _say(output, f"events are kept {location}")
            if not _is_loopback(options.host):
                limit = (
                    ": requests are not authenticated" if options.admins is None else " under names without an owner"
                )
                _say(output, f"anyone who reaches {options.host} may publish and read{limit}")
            if seed is not None:
                _say(output, run_seed(seed, emulator.url))
            if options.console:
                _say(output, f"console: {console_url(emulator.url)}")
            gc.freeze()  # loaded modules are never garbage; a collection that traverses them takes 15 to 30 ms
            _say_ready(output, emulator.url)
            if options.opens:
                open_browser(console_url(emulator.url), partial(_say, output))
            # The wait has a timeout for Windows, where no signal interrupts a wait without one.
            while not stopped.wait(1.0):
                pass
    except (EmulatorError, StoreError) as error:
        raise CommandError(str(error), code="config") from error
    return 0


@contextmanager
def _identity(options: ServeOptions, runtime: Runtime, output: Output) -> Iterator[Identity | None]:
    """Yield the verifier of ID tokens if --auth is given, else None. With --auth, print how to get a token."""
    if options.admins is None:
        yield None
        return
    open_identity = import_with_extra("pubsub_emulator.cli.identities", "auth", "--auth").open_identity
    with open_identity(options.admins, runtime, data_dir(options.store)) as (identity, command):
        _say(
            output, f"the caller who registers a name owns it; for a token: export PUBLISH_SUBSCRIBE_TOKEN=$({command})"
        )
        yield identity


class _JsonLines(logging.Formatter):
    """Formats log records as one JSON object per line, like the cloud's structured logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, or its message unchanged if that is a JSON object already."""
        message = record.getMessage()
        if message.startswith("{"):
            return message
        line = {"severity": record.levelname, "message": message, "logger": record.name}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _log_to_stderr(*, requests: bool) -> None:
    """Log warnings and errors, and requests if asked to: an idle subscriber sends one every few seconds."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("pubsubservice").setLevel(logging.INFO if requests else logging.WARNING)


def _say_ready(output: Output, url: str) -> None:
    """Print the ready line on stdout. A closed stdout is no error: nobody reads it then."""
    line = json.dumps({"url": url}) if output.json else f"pubsub emulator ready: {url}"
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _say(output: Output, text: str) -> None:
    """Write a note on stderr: with --json as a line of the log, which is JSON too; with --quiet none."""
    if output.json:
        sys.stderr.write(json.dumps({"severity": "INFO", "message": text}) + "\n")
    elif not output.quiet:
        sys.stderr.write(f"pubsub emulator: {text}\n")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
