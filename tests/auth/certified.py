"""Keys with their certificates, as Google publishes them, and as a server has one."""

from __future__ import annotations

import functools
import ipaddress
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

__all__ = ["Certified", "certificate_of_another_kind", "certified"]


class Certified(NamedTuple):
    """A private key and a certificate that it has signed itself, both as PEM."""

    key: bytes
    certificate: str


@functools.cache
def certified(name: str) -> Certified:
    """Somebody's key, the same one for a name each time; it may be that of a server on this machine."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Certified(_pem(key), _certificate(name, key))


@functools.cache
def certificate_of_another_kind() -> str:
    """The certificate of an elliptic curve's key."""
    return _certificate("curve", ec.generate_private_key(ec.SECP256R1()))


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate(name: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name}.example")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()
