"""``pubsub exec -- CMD``: runs a command with its own emulator, which ends with the command.

The exit codes are those of ``env`` and ``timeout``: the command's own; 128 + N if signal N ended the command; 127 if the
command was not found, 126 if it could not be run; 125 if the emulator could not start.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from argparse import Namespace

from pubsub_emulator.cli.failure import fail
from pubsub_emulator.cli.forwarded_signals import Signals
from pubsub_emulator.cli.stores import open_store
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.errors import EmulatorError
from pubsub_emulator.server.draining import DrainingRuntime
from pubsubservice.storage.port import StoreError

__all__ = ["run"]

#: the variable that the SDK reads the service's address from
_SERVICE = "PUBLISH_SUBSCRIBE_SERVICE"

_NO_EMULATOR, _NOT_RUNNABLE, _NOT_FOUND = 125, 126, 127
_PROGRAM = "pubsub exec"


def run(options: Namespace, command: list[str], signals: Signals) -> int:
    """Run `command` beside an emulator and return the exit code. Raises SystemExit(125) if the emulator cannot start."""
    logging.basicConfig(level=logging.WARNING)
    options.data_dir, options.ephemeral = None, options.firestore is None
    runtime = DrainingRuntime()
    try:
        with open_store(options, runtime) as (store, _), Emulator(store, runtime=runtime) as emulator:
            return _run(command, {**os.environ, _SERVICE: emulator.url}, signals)
    except (EmulatorError, StoreError) as error:
        fail(str(error), _PROGRAM, _NO_EMULATOR)


def _run(arguments: list[str], environment: dict[str, str], signals: Signals) -> int:
    if signals.early is not None:
        return 128 + signals.early
    try:
        command = subprocess.Popen(arguments, env=environment)  # noqa: S603 - the user's own command
    except OSError as error:
        sys.stderr.write(f"{_PROGRAM}: {arguments[0]}: {error.strerror}\n")
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUNNABLE
    signals.forward_to(command)
    code = command.wait()
    return code if code >= 0 else 128 - code
