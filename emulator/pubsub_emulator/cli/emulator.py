"""``pubsub emulator``: a store, the functions over it, until the end."""

from __future__ import annotations

import gc
import ipaddress
import json
import logging
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pubsub_emulator.cli.commands import fail
from pubsub_emulator.cli.stores import data_dir, open_store
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.errors import EmulatorError
from pubsub_emulator.server.draining import DrainingRuntime
from pubsub_emulator.server.malloc_trim import trimming
from pubsubservice.core.runtime import Runtime
from pubsubservice.storage.port import StoreError

if TYPE_CHECKING:
    from pubsubservice.api.identity import Identity

__all__ = ["run"]


def run(options: Namespace, ended: threading.Event) -> int:
    """Serve until `ended`, then drain. Returns the exit code; SystemExit(2) if it cannot start."""
    _log_to_stderr(requests=options.log_requests)
    runtime = DrainingRuntime()
    try:
        with (
            trimming(),
            open_store(options, runtime) as (store, place),
            _identity(options, runtime) as identity,
            Emulator(
                store,
                host=options.host,
                port=options.port,
                hosts=options.allow_host,
                runtime=runtime,
                identity=identity,
                expire_s=options.expire_every,
            ) as emulator,
        ):
            _say(f"events are kept {place}")
            if not _is_loopback(options.host):
                under = " under names that nobody owns" if options.auth else ": nothing authenticates here"
                _say(f"anyone who reaches {options.host} may publish and read{under}")
            gc.freeze()  # what is loaded by now stays: a collection that walks through it takes 15 to 30 ms
            _say_ready(emulator.url)
            # with a timeout, for Windows: there no signal interrupts an endless wait
            while not ended.wait(1.0):
                pass
    except (EmulatorError, StoreError) as error:
        fail(str(error))
    return 0


@contextmanager
def _identity(options: Namespace, runtime: Runtime) -> Iterator[Identity | None]:
    """What tells callers apart, if that is asked for; says how to get a token."""
    if not options.auth:
        if options.admin:
            fail("--admin counts with --auth only")
        yield None
        return
    try:
        from pubsub_emulator.cli.token import open_identity  # noqa: PLC0415 - a tenth of a second that only --auth pays for
    except ModuleNotFoundError as error:
        fail(f"--auth needs {error.name}: pip install 'pubsubclient[emulator]'")

    with open_identity(options, runtime, data_dir(options)) as (identity, command):
        _say(f"names belong to who registers them; for a token: export PUBLISH_SUBSCRIBE_TOKEN=$({command})")
        yield identity


class _JsonLines(logging.Formatter):
    """Log records as the cloud's structured logs have them: one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; a message that is one already, as it is."""
        message = record.getMessage()
        if message.startswith("{"):
            return message
        line = {"severity": record.levelname, "message": message, "logger": record.name}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _log_to_stderr(*, requests: bool) -> None:
    """Warnings and errors always, requests if asked for: a waiting subscriber makes one every few seconds."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("pubsubservice").setLevel(logging.INFO if requests else logging.WARNING)


def _say_ready(url: str) -> None:
    """Tell on stdout that it serves; who closed stdout does not want to know."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.write(f"pubsub emulator ready: {url}\n")
        sys.stdout.flush()


def _say(text: str) -> None:
    sys.stderr.write(f"pubsub emulator: {text}\n")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
