"""The verifier of ID tokens for ``pubsub emulator --auth``, and the tokens that it accepts."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pubsub_emulator.cli.stores import DEFAULT_DATA_DIR
from pubsub_emulator.errors import EmulatorError
from pubsub_emulator.issuer import AUDIENCE, ISSUER, KEY_FILE, load_issuer, make_issuer
from pubsubclient.cli.failures import CommandError
from pubsubservice.api.identity import Identity, Trust
from pubsubservice.core.runtime import Runtime

__all__ = ["make_token", "open_identity"]


@contextmanager
def open_identity(admins: Iterable[str], runtime: Runtime, directory: Path | None) -> Iterator[tuple[Identity, str]]:
    """Yield the verifier of ID tokens, and the command that prints a token it accepts.

    The signing key is a file in `directory`, beside the events. If that is None, a temporary key lasts until the block
    ends. Raises EmulatorError.
    """
    with tempfile.TemporaryDirectory(prefix="pubsub-identity-") as temporary:
        path = (directory or Path(temporary)) / KEY_FILE
        issuer = make_issuer(path)
        trust = Trust(frozenset({AUDIENCE}), frozenset(admins), ISSUER)
        identity = Identity(trust, issuer.keys.get, runtime)
        command = "pubsub token --email alice@example.com"
        if path != DEFAULT_DATA_DIR / KEY_FILE:
            command += f" --key {shlex.quote(str(path.absolute()))}"
        yield identity, command


def make_token(key: Path | None, subject: str, email: str | None, expires_in_s: int) -> str:
    """Return an ID token that the emulator trusts, signed with its key. Raises CommandError if there is no key."""
    try:
        return load_issuer(key or DEFAULT_DATA_DIR / KEY_FILE).token(
            subject=subject, email=email, expires_in_s=expires_in_s
        )
    except EmulatorError as error:
        raise CommandError(str(error), code="config") from error
