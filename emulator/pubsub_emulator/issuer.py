"""The emulator's own signing key, and the ID tokens that it signs."""

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

#: the issuer and audience of the tokens that the emulator trusts; .invalid is a reserved domain that nobody has (RFC 2606)
ISSUER = "https://pubsub-emulator.invalid"
AUDIENCE = "pubsub-emulator"
#: the key's file name in the data directory
KEY_FILE = "identity-key.pem"

_KEY_BITS = 2048


class Issuer:
    """Signs ID tokens with a private RSA key in PEM format. Raises ValueError for anything else."""

    def __init__(self, private_pem: bytes) -> None:
        key = serialization.load_pem_private_key(private_pem, password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("an RSA key is expected")  # noqa: TRY004 - the file's content is wrong, not an argument's type
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = blake2b(public, digest_size=8).hexdigest()
        #: {key id: public key in PEM format}, with which the service verifies tokens
        self.keys = {self.key_id: public.decode()}
        self._signer = crypt.RSASigner(key, self.key_id)

    def token(
        self, *, subject: str, email: str | None = None, expires_in_s: int = 3600, audience: str = AUDIENCE
    ) -> str:
        """Return an ID token. `subject` identifies the owner; `email` names the owner in logs and in the list of admins."""
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": subject, "aud": audience, "iat": now, "exp": now + expires_in_s}
        if email is not None:
            claims |= {"email": email, "email_verified": True}
        token: bytes = jwt.encode(self._signer, claims)
        return token.decode()


def load_issuer(path: Path) -> Issuer:
    """Return the issuer whose key is in the file at `path`. Raises KeyFileError."""
    try:
        if os.name == "posix":
            status = path.stat()
            if status.st_mode & 0o077:
                raise KeyFileError(f"{path} can be read by others, who could sign tokens for anybody: chmod 600 {path}")
            if status.st_uid != os.geteuid():
                raise KeyFileError(
                    f"{path} belongs to another user, who could sign tokens for anybody: use a directory of your own"
                )
        return Issuer(path.read_bytes())
    except FileNotFoundError:
        raise KeyFileError(f"{path} does not exist: start `pubsub emulator --auth`, which creates the key") from None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise KeyFileError(
            f"{path} is not an RSA key in PEM format; delete it, and the emulator creates a new one"
        ) from error


def make_issuer(path: Path) -> Issuer:
    """Return the issuer whose key is in the file at `path`, creating key and file if missing. Raises KeyFileError."""
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write_once(path, pem)
    return load_issuer(path)


def _write_once(path: Path, content: bytes) -> None:
    """Create a file, atomically, that only its owner may read. If another emulator created it first, that one stays."""
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
        raise KeyFileError(f"{path} cannot be created: {error.strerror}") from error
