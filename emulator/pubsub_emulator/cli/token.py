"""``pubsub token``: an ID token for `pubsub emulator --auth`."""

from __future__ import annotations

from pathlib import Path

import click

from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.extras import import_with_extra
from pubsubclient.cli.failures import CommandError
from pubsubclient.cli.values import Duration

__all__ = ["command"]

#: the longest lifetime of a token: a year
_MAX_TOKEN_S = 366 * 24 * 3600


@click.command(cls=Command, epilog="The SDK sends the token in PUBLISH_SUBSCRIBE_TOKEN.")
@click.option("--email", metavar="EMAIL", help="The owner's email, for logs and the list of admins.")
@click.option("--sub", "subject", metavar="ID", help="The owner's id (the email).")
@click.option(
    "--expires-in",
    type=Duration(1, _MAX_TOKEN_S),
    default=3600,
    metavar="SECONDS",
    help="Lifetime of the token (3600).",
)
@click.option(
    "--key", type=click.Path(path_type=Path), metavar="FILE",
    help="The emulator's key file, as the emulator prints it (the one in .pubsub in the working directory).",
)  # fmt: skip
@pass_common
def command(common: Common, email: str | None, subject: str | None, expires_in: float, key: Path | None) -> None:
    """Print an ID token that `pubsub emulator --auth` trusts, for the header X-Pubsub-Token."""
    owner = subject or email
    if not owner:
        raise CommandError("--email or --sub is expected, to name the owner of the token")
    identities = import_with_extra("pubsub_emulator.cli.identities", "auth")
    token: str = identities.make_token(key, owner, email, int(expires_in))
    if common.output.json:
        common.output.record({"token": token})
    else:
        common.output.line(token)
