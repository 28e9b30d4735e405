"""``manage.py pubsub_worker``: runs handlers and Tasks, and relays the outbox."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.autoreload import get_child_arguments

from pubsubclient import ConfigurationError, InvalidArgument
from pubsubclient._worker.command import add_options, run_worker
from pubsubclient.contrib.django.pruning import pruning
from pubsubclient.contrib.django.worker import worker_app

__all__ = ["Command"]


class Command(BaseCommand):
    """The command."""

    help = "Run the handlers of PUBSUB['APP'], and Tasks, until SIGTERM or Ctrl-C; and publish what transactions have added."
    requires_migrations_checks = True
    #: whether it is a process of its own; else `call_command` runs it
    _is_process = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of `pubsub worker`."""
        add_options(parser)

    def run_from_argv(self, argv: list[str]) -> None:
        """Remember that this is the process's command."""
        self._is_process = True
        super().run_from_argv(argv)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the worker. Raises CommandError for a mistake, and SystemExit if it did not end well."""
        arguments = argparse.Namespace(**options)
        if not self._is_process and (arguments.processes > 1 or arguments.reload):
            raise CommandError("--processes, --reload: expected on the command line alone.")
        try:
            if arguments.processes > 1 or arguments.reload:
                status = run_worker(arguments, worker_app, get_child_arguments())
            else:
                with pruning():
                    status = run_worker(arguments, worker_app, [])
        except (ConfigurationError, InvalidArgument) as error:
            raise CommandError(str(error), returncode=2) from error
        if status:
            sys.exit(status)
