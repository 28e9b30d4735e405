"""``manage.py pubsub_relay``: publishes what transactions have added, or tells what the service refuses."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from pubsubclient import PubSubError
from pubsubclient.contrib.django.connections import in_transaction
from pubsubclient.contrib.django.publishing import outbox
from pubsubclient.contrib.django.settings import current

__all__ = ["Command"]


class Command(BaseCommand):
    """The command."""

    help = "Publish what transactions have added, until SIGTERM or Ctrl-C. Of several relays one works; pubsub_worker has one."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of `pubsub relay`."""
        one = parser.add_mutually_exclusive_group()
        one.add_argument("--once", action="store_true", help="end when all that is committed is published")
        one.add_argument("--failed", action="store_true", help="list the events that the service refuses, set aside")
        one.add_argument("--retry", action="store_true", help="let the relay try these again")

    def handle(self, *_: Any, once: bool, failed: bool, retry: bool, **__: Any) -> None:
        """Run the relay. Raises CommandError for a mistake, or a service that is away."""
        table = outbox()
        if failed or retry:
            with in_transaction(current().database) as connection:
                if retry:
                    self.stdout.write(f"to be tried again: {table.retry(connection)}")
                else:
                    self._list(table.failed(connection))
            return
        try:
            if once:
                self.stdout.write(f"published: {table.relay().run_once()}")
            else:
                self.stderr.write(f"relaying {table.table}")
                table.relay().run()
        except PubSubError as error:
            raise CommandError(str(error)) from error

    def _list(self, events: list[Any]) -> None:
        for one in events:
            reason = " ".join(one.reason.split())
            self.stdout.write(f"{one.id}  {one.topic}  {one.created.isoformat(timespec='seconds')}  {reason}")
        if not events:
            self.stderr.write("the outbox has no events that the service refuses")
