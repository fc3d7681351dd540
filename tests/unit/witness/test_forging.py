"""Forged certificates: right in all but the signature."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtensionOID

from raymesh.errors import Unreadable
from raymesh.witness import forging
from tests.unit.inside.servers import new_authority

SPIFFE = "spiffe://cluster.local/ns/ray/sa/head"


def names(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return found.get_values_for_type(x509.UniformResourceIdentifier)


def test_a_self_signed_certificate_has_the_name_and_its_own_signature() -> None:
    forged = forging.self_signed(SPIFFE)
    [leaf] = x509.load_pem_x509_certificates(forged.pem.encode())
    assert names(leaf) == [SPIFFE]
    leaf.verify_directly_issued_by(leaf)
    key = load_pem_private_key(forged.pem.encode(), None)
    assert key.public_key() == leaf.public_key()


def test_a_foreign_ca_is_named_as_the_meshs_and_did_not_sign_with_its_key(tmp_path: Path) -> None:
    root_pem = new_authority(tmp_path, SPIFFE).root.read_text()
    root = x509.load_pem_x509_certificate(root_pem.encode())
    leaf, authority = x509.load_pem_x509_certificates(forging.foreign(SPIFFE, like=root_pem).pem.encode())
    assert names(leaf) == [SPIFFE]
    assert leaf.issuer == authority.subject == root.subject
    key_id = ExtensionOID.SUBJECT_KEY_IDENTIFIER
    ours, theirs = (one.extensions.get_extension_for_oid(key_id).value for one in (root, authority))
    assert theirs == ours
    leaf.verify_directly_issued_by(authority)
    with pytest.raises(InvalidSignature):
        leaf.verify_directly_issued_by(root)


def test_two_are_never_the_same() -> None:
    assert forging.self_signed(SPIFFE).pem != forging.self_signed(SPIFFE).pem


BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("text", ["", "no certificate", BROKEN], ids=["empty", "words", "broken"])
def test_a_root_that_is_none_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="root certificate"):
        forging.foreign(SPIFFE, like=text)
