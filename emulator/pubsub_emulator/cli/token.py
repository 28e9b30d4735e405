"""``pubsub token``, and the verifier of ID tokens for ``pubsub emulator --auth``."""

from __future__ import annotations

import shlex
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pubsub_emulator.cli.failure import fail
from pubsub_emulator.cli.stores import DEFAULT_DATA_DIR
from pubsub_emulator.errors import EmulatorError
from pubsub_emulator.issuer import AUDIENCE, ISSUER, KEY_FILE, load_issuer, make_issuer
from pubsubservice.api.identity import Identity, Trust
from pubsubservice.core.runtime import Runtime

__all__ = ["open_identity", "print_token"]


@contextmanager
def open_identity(options: Namespace, runtime: Runtime, directory: Path | None) -> Iterator[tuple[Identity, str]]:
    """Yield the verifier of ID tokens, and the command that prints a token it accepts.

    The signing key is a file in `directory`, beside the events. If that is None, a temporary key lasts until the block
    ends. Raises EmulatorError.
    """
    with tempfile.TemporaryDirectory(prefix="pubsub-identity-") as temporary:
        path = (directory or Path(temporary)) / KEY_FILE
        issuer = make_issuer(path)
        trust = Trust(frozenset({AUDIENCE}), frozenset(options.admin), ISSUER)
        identity = Identity(trust, issuer.keys.get, runtime)
        command = "pubsub token --email alice@example.com"
        if path != DEFAULT_DATA_DIR / KEY_FILE:
            command += f" --key {shlex.quote(str(path.absolute()))}"
        yield identity, command


def print_token(options: Namespace) -> int:
    """Print an ID token that the emulator trusts and return the exit code. Raises SystemExit(2) if it cannot."""
    subject = options.sub or options.email
    if not subject:
        fail("--email or --sub is expected, to name the owner of the token", "pubsub token")
    key = options.key or DEFAULT_DATA_DIR / KEY_FILE
    try:
        token = load_issuer(key).token(subject=subject, email=options.email, expires_in_s=options.expires_in)
    except EmulatorError as error:
        fail(str(error), "pubsub token")
    sys.stdout.write(f"{token}\n")
    return 0
