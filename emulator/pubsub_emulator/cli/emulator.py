"""``pubsub emulator``: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pubsub_emulator.cli.options import SEED, StoreOptions, firestore_option
from pubsub_emulator.cli.stop_signals import stop_on_signal
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.extras import import_with_extra
from pubsubclient.cli.failures import CommandError
from pubsubclient.cli.values import Duration

__all__ = ["command"]

#: the longest pause between two runs of `expire`: a day
_MAX_PAUSE_S = 86_400


@click.command(
    cls=Command,
    epilog="The emulator prints `pubsub emulator ready: URL` when it accepts requests; with --json, an object with the member "
    "`url`. On Ctrl-C or SIGTERM it finishes the open requests and exits; a second signal ends it at once.",
)
@click.option(
    "--host", default="127.0.0.1", metavar="ADDRESS",
    help="Address to listen on (127.0.0.1); without --auth anyone who reaches it may publish and read.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8000, metavar="PORT", help="0 picks a free port (8000)."
)
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME",
    help="Accept requests to this host name, besides localhost, loopback addresses and --host; repeatable.",
)  # fmt: skip
@click.option(
    "--data-dir", type=click.Path(path_type=Path), metavar="DIR",
    help="Keep events in DIR; several emulators may share it (.pubsub in the working directory).",
)  # fmt: skip
@click.option("--ephemeral", is_flag=True, help="Delete all events when the emulator ends.")
@click.option("--auth", is_flag=True, help="Identify callers by ID tokens; the caller who registers a name owns it.")
@click.option("--admin", "admins", multiple=True, metavar="EMAIL", help="With --auth: may use every name; repeatable.")
@click.option(
    "--log-requests", is_flag=True, help="Write a JSON line on stderr for each request, as the cloud's log has it."
)
@click.option(
    "--expire-every", type=Duration(0, _MAX_PAUSE_S), default=60, metavar="SECONDS",
    help="How often to delete events past their retention (60); 0: only on POST /expire.",
)  # fmt: skip
@SEED
@click.option("--no-console", is_flag=True, help="Serve no console at / to browsers.")
@click.option("--open", "opens", is_flag=True, help="Open the console in a browser when the emulator is ready.")
@pass_common
def command(
    common: Common, data_dir: Path | None, firestore: str | None, admins: tuple[str, ...], *, ephemeral: bool, auth: bool,
    no_console: bool, opens: bool, **options: Any,
) -> int:  # fmt: skip
    """Serve the cloud's functions on this machine, over a SQLite file."""
    store = StoreOptions(data_dir, ephemeral, firestore)
    store.check()
    if admins and not auth:
        raise CommandError("--admin needs --auth")
    if opens and no_console:
        raise CommandError("--open is not allowed with --no-console")
    stopped = common.signals or stop_on_signal()
    serve = import_with_extra("pubsub_emulator.cli.serve", "emulator")
    chosen = serve.ServeOptions(
        store=store, admins=admins if auth else None, console=not no_console, opens=opens, **options
    )
    code: int = serve.run(chosen, stopped, common.output)
    return code


command.params.insert(5, firestore_option(" (FIRESTORE_EMULATOR_HOST, if it is set and no other store is chosen)"))
