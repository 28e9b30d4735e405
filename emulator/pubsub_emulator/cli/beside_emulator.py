"""Runs a command beside an emulator of its own, for `pubsub exec`."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

from pubsub_emulator.cli.forwarded_signals import Signals
from pubsub_emulator.cli.options import StoreOptions
from pubsub_emulator.cli.seed import read_seed, run_seed
from pubsub_emulator.cli.stores import open_store
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.errors import EmulatorError
from pubsub_emulator.server.draining import DrainingRuntime
from pubsubclient.cli.failures import CommandError
from pubsubservice.storage.port import StoreError

__all__ = ["run"]

#: the variable that the SDK reads the service's address from
_SERVICE = "PUBLISH_SUBSCRIBE_SERVICE"

_NO_EMULATOR, _NOT_RUNNABLE, _NOT_FOUND = 125, 126, 127


def run(options: StoreOptions, seed_file: Path | None, command: list[str], signals: Signals) -> int:
    """Run `command` beside an emulator and return its exit code. Raises CommandError if one of both cannot start."""
    logging.basicConfig(level=logging.WARNING)
    seed = read_seed(seed_file)
    runtime = DrainingRuntime()
    try:
        with open_store(options, runtime) as (store, _), Emulator(store, runtime=runtime) as emulator:
            if seed is not None:
                run_seed(seed, emulator.url)
            return _run(command, {**os.environ, _SERVICE: emulator.url}, signals)
    except (EmulatorError, StoreError) as error:
        raise CommandError(str(error), code="config", exit_code=_NO_EMULATOR) from error
    except CommandError as error:
        if error.exit_code not in {_NOT_RUNNABLE, _NOT_FOUND}:
            error.exit_code = _NO_EMULATOR
        raise


def _run(arguments: list[str], environment: dict[str, str], signals: Signals) -> int:
    if signals.early is not None:
        return 128 + signals.early
    try:
        command = subprocess.Popen(arguments, env=environment)  # noqa: S603 - the user's own command
    except OSError as error:
        exit_code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUNNABLE
        raise CommandError(f"{arguments[0]}: {error.strerror}", exit_code=exit_code) from error
    signals.forward_to(command)
    code = command.wait()
    return code if code >= 0 else 128 - code
