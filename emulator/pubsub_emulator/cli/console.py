"""``pubsub console``: its options."""

from __future__ import annotations

from contextlib import suppress

import click

from pubsub_emulator.cli.browser import console_url, open_browser
from pubsub_emulator.cli.stop_signals import StopSignal, stop_on_signal
from pubsub_emulator.errors import EmulatorError
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.extras import import_with_extra
from pubsubclient.cli.failures import CommandError, ReaderHasGone

__all__ = ["command"]


@click.command(
    cls=Command,
    epilog="The service is that of --service, the environment or config.json, and the page's calls are made with the same "
    "credentials as those of every command. The page never sees them; but every program on this machine that connects to the "
    "port calls the service with them. An emulator has its own console: at its address.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8001, metavar="PORT", help="0 picks a free port (8001)."
)
@click.option("--open", "opens", is_flag=True, help="Open the console in a browser.")
@pass_common
def command(common: Common, port: int, *, opens: bool) -> None:
    """Show a service in the browser: topics, events as they come, subscribers, dead letters.

    The page is served on 127.0.0.1 until Ctrl-C or SIGTERM.
    """
    stopped = stop_on_signal()
    relay = import_with_extra("pubsub_emulator.console.relay", "emulator")
    service = common.chosen_service()
    try:
        with relay.Relay(service, port=port) as running:
            url = console_url(running.url)
            _say_ready(common, url)
            if opens:
                open_browser(url, common.output.note)
            _wait(stopped)
    except EmulatorError as error:
        raise CommandError(str(error), code="config") from error


def _say_ready(common: Common, url: str) -> None:
    """Print the ready line on stdout. A closed stdout is no error: nobody reads it then."""
    with suppress(ReaderHasGone):
        if common.output.json:
            common.output.record({"url": url})
        else:
            common.output.line(f"pubsub console ready: {url}")


def _wait(stopped: StopSignal) -> None:
    """Wait for a signal. The wait has a timeout for Windows, where no signal interrupts a wait without one."""
    while not stopped.wait(1.0):
        pass
