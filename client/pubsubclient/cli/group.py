"""The command `pubsub` and the list of its subcommands, each of which is imported when it is used."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from pubsubclient import __version__
from pubsubclient.cli.common import common_options
from pubsubclient.cli.extras import import_with_extra
from pubsubclient.cli.failures import Interrupted

__all__ = ["COMMANDS", "NAMES", "Entry", "pubsub"]


class Entry(NamedTuple):
    """A subcommand, as `pubsub --help` lists it."""

    name: str
    help: str
    #: the module that has it as ``command``, and the extra that this module needs
    module: str
    extra: str = "cli"


def _own(name: str, text: str) -> Entry:
    return Entry(name, text, f"pubsubclient.cli.commands.{name.replace('-', '_')}")


def _of_emulator(name: str, text: str) -> Entry:
    return Entry(name, text, f"pubsub_emulator.cli.{name}", "emulator")


#: by section of the help
COMMANDS: dict[str, list[Entry]] = {
    "Events": [
        _own("publish", "publish an event, or one for each line"),
        _own("tail", "show events of topics as they come, without a subscriber"),
        _own("get", "receive a subscriber's events, and settle them"),
    ],
    "Look": [
        _own("ls", "list topics, subscribers and publishers"),
        _own("describe", "show all of a topic, subscriber or publisher"),
        _own("explain", "say why an event was not delivered, or who has it"),
        _own("dead", "list a subscriber's dead letters"),
        _own("cost", "show what an emulator's calls would cost in the cloud"),
    ],
    "Change": [
        _own("create", "create a topic"),
        _own("subscribe", "subscribe to topics, or change a subscription"),
        _own("unsubscribe", "end subscriptions"),
        _own("seek", "move a subscription to another position"),
        _own("redrive", "publish dead letters again"),
        _own("rm", "remove a subscriber or publisher"),
        _own("seed", "create topics, subscriptions and events from a file"),
    ],
    "Run": [
        _of_emulator("emulator", "serve the functions on this machine"),
        _of_emulator("console", "show a service in the browser"),
        _of_emulator("exec", "run a command with its own emulator"),
        _of_emulator("token", "print an ID token for `pubsub emulator --auth`"),
        _own("worker", "run an app's handlers"),
        _own("relay", "publish what an outbox holds"),
        _own("asyncapi", "describe an app in AsyncAPI"),
        _own("bench", "measure how fast a service is"),
    ],
    "Set up": [
        _own("init", "write config.json and a first program"),
        _own("doctor", "find out why it does not work"),
        _own("completion", "print a script that completes commands and names"),
    ],
}
NAMES = {entry.name: entry for entries in COMMANDS.values() for entry in entries}


class _Group(click.Group):
    """Imports a subcommand when it is used, and none of them for the help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        return list(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as click calls it
        entry = NAMES.get(cmd_name)
        if entry is None:
            return None
        command = import_with_extra(entry.module, entry.extra).command
        assert isinstance(command, click.Command)  # noqa: S101 - for mypy
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand. Raises Interrupted after Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as click calls it
        widest = max(map(len, NAMES))
        for section, entries in COMMANDS.items():
            with formatter.section(section):
                formatter.write_dl([(entry.name.ljust(widest), entry.help) for entry in entries])


pubsub = _Group(
    "pubsub",
    params=[*common_options()],
    help="Publish and subscribe without a broker.",
    epilog="Exit codes: 0 done, 1 refused, 2 usage or configuration, 3 no answer, 4 unknown name, 5 not allowed, "
    "6 partly done, 130 Ctrl-C.",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)
click.version_option(__version__, prog_name="pubsub", message="%(prog)s %(version)s")(pubsub)
