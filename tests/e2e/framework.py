"""The command `pubsub`, with the functions inside the Flask applications that functions-framework makes, as in the cloud."""

from __future__ import annotations

import sys
from pathlib import Path

import functions_framework

from pubsub_emulator import cli, emulator
from pubsub_emulator.server.wsgi import WSGIApp
from pubsubservice import main


def framework_functions() -> dict[str, WSGIApp]:
    """What stands in for the emulator's own way to call them."""
    # the file by its path: the framework executes it once a function
    return {name: functions_framework.create_app(name, str(Path(main.__file__)), "http") for name in main.FUNCTIONS}


if __name__ == "__main__":
    emulator._functions = framework_functions
    sys.exit(cli.main())
