"""A certificate as an administrator makes one for an application: signed by its own key."""

from datetime import UTC, datetime, timedelta
from typing import Any


def issue_certificate(key: Any, password: bytes | None = None) -> bytes:
    """Return a certificate and its key in one file: PEM, or with a password PKCS #12."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "filesync")])
    start = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=365))
    certificate = builder.sign(key, SHA256())
    if password is not None:
        sealed = serialization.BestAvailableEncryption(password)
        return pkcs12.serialize_key_and_certificates(b"filesync", key, certificate, None, sealed)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return bytes(private) + certificate.public_bytes(serialization.Encoding.PEM)
