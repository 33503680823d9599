"""Certificates for tests of TLS, made in a moment: an authority, and servers that it vouches for or does not."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = timedelta(days=1)


class Certificate(NamedTuple):
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    path: Path

    def context(self) -> ssl.SSLContext:
        """For a server that shows it."""
        found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        found.load_cert_chain(self.path)
        return found


def authority(folder: Path, name: str) -> Certificate:
    return _made(folder / f"{name}.pem", name, None, None, ended=False)


def server(folder: Path, name: str, by: Certificate | None, address: str = "127.0.0.1", *, ended: bool = False) -> Certificate:
    """Vouched for by an authority, or by itself alone."""
    return _made(folder / f"{name}.pem", name, by, address, ended=ended)


def _made(path: Path, name: str, by: Certificate | None, address: str | None, *, ended: bool) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(own).issuer_name(by.certificate.subject if by else own).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - 9 * DAY).not_valid_after(now - DAY if ended else now + DAY)
        .add_extension(x509.BasicConstraints(ca=address is None, path_length=None), critical=True)
    )  # fmt: skip
    if address is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
    made = builder.sign(by.key if by else key, hashes.SHA256())
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return Certificate(key, made, path)
