"""Identities on one machine: a key of the emulator's own, and the ID tokens that are signed with it."""

from __future__ import annotations

import os
import secrets
import time
from hashlib import blake2b
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

from pubsub_emulator.errors import KeyFileError

__all__ = ["AUDIENCE", "ISSUER", "KEY_FILE", "Issuer", "load_issuer", "make_issuer"]

#: whom the emulator trusts, and what tokens for it are for; no address of anybody
ISSUER = "https://pubsub-emulator.invalid"
AUDIENCE = "pubsub-emulator"
#: the key's name in a directory
KEY_FILE = "identity-key.pem"

_KEY_BITS = 2048


class Issuer:
    """Signs ID tokens with a private RSA key, given as PEM; raises ValueError if it is none."""

    def __init__(self, private_pem: bytes) -> None:
        key = serialization.load_pem_private_key(private_pem, password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("an RSA key is expected")  # noqa: TRY004 - what the file holds is wrong, no argument's type
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = blake2b(public, digest_size=8).hexdigest()
        #: what the service verifies by: key ids and public keys as PEM
        self.keys = {self.key_id: public.decode()}
        self._signer = crypt.RSASigner(key, self.key_id)

    def token(
        self, *, subject: str, email: str | None = None, expires_in_s: int = 3600, audience: str = AUDIENCE
    ) -> str:
        """An ID token; `subject` is who somebody is, `email` what they are called in logs and in the list of admins."""
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": subject, "aud": audience, "iat": now, "exp": now + expires_in_s}
        if email is not None:
            claims |= {"email": email, "email_verified": True}
        token: bytes = jwt.encode(self._signer, claims)
        return token.decode()


def load_issuer(path: Path) -> Issuer:
    """The issuer whose key is kept in a file. Raises KeyFileError."""
    try:
        if os.name == "posix":
            status = path.stat()
            if status.st_mode & 0o077:
                raise KeyFileError(f"{path} can be read by others, who could be anybody then: chmod 600 {path}")
            if status.st_uid != os.geteuid():
                raise KeyFileError(
                    f"{path} belongs to another user, who could be anybody then: use a directory of your own"
                )
        return Issuer(path.read_bytes())
    except FileNotFoundError:
        raise KeyFileError(f"there is no key in {path}: `pubsub emulator --auth` makes one") from None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path} holds no RSA key as PEM; delete it, and the emulator makes a new one") from error


def make_issuer(path: Path) -> Issuer:
    """The issuer whose key is kept in a file, which is made if there is none. Raises KeyFileError."""
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write_once(path, pem)
    return load_issuer(path)


def _write_once(path: Path, content: bytes) -> None:
    """Make a file that only its owner may read, whole or not at all; the first of several emulators makes it."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
            os.link(part, path)
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError:
        pass
    except OSError as error:
        raise KeyFileError(f"{path} cannot be made: {error.strerror}") from error
