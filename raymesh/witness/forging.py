"""Certificates that look like the mesh's and are not: all is right in them but who signed them.

Their keys live in this process and, for as long as an attempt takes, in the pod that knocks; no file here holds them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from raymesh.errors import Unreadable
from raymesh.witness.knock import Certificate

LIFE = timedelta(days=1)
SKEW = timedelta(hours=1)  # clocks of nodes may differ
Key = ec.EllipticCurvePrivateKey


def self_signed(spiffe: str) -> Certificate:
    """Return a certificate that its own key signed. `spiffe` is its name, as spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT."""
    key = _new_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return _bundle(key, _leaf(spiffe, key, x509.Name([]), key, identifier))


def foreign(spiffe: str, *, like: str) -> Certificate:
    """Return a certificate with `spiffe` as its name, and the CA that signed it, which is named as the one in `like`.

    `like` is the mesh's root as PEM: subject and key identifier are taken from it, so that only the key differs.
    Raises Unreadable where it holds no certificate.
    """
    try:
        root = x509.load_pem_x509_certificates(like.encode())[0]
    except ValueError as error:
        raise Unreadable(f"the mesh's root certificate: {error}") from None
    authority_key, key = _new_key(), _new_key()
    identifier = _identifier(root, authority_key)
    authority = (
        _builder(root.subject, root.subject, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, SHA256())
    )
    leaf = _leaf(spiffe, key, root.subject, authority_key, identifier)
    return _bundle(key, leaf, authority)


def _identifier(root: x509.Certificate, otherwise: Key) -> x509.SubjectKeyIdentifier:
    try:
        return root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.SubjectKeyIdentifier.from_public_key(otherwise.public_key())


def _leaf(
    spiffe: str, key: Key, issuer: x509.Name, issuer_key: Key, identifier: x509.SubjectKeyIdentifier
) -> x509.Certificate:
    """Make a workload's certificate as Istio's CA does: no subject, the SPIFFE name critical, for both ends of TLS."""
    both_ends = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    return (
        _builder(x509.Name([]), issuer, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(both_ends, critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe)]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(issuer_key, SHA256())
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: Key) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + LIFE)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def _bundle(key: Key, *chain: x509.Certificate) -> Certificate:
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(pem=(b"".join(one.public_bytes(Encoding.PEM) for one in chain) + secret).decode())
