"""Redaction: no secret survives, whatever surrounds it, and what is none stays as it is."""

from __future__ import annotations

import base64
import json
import string
from itertools import pairwise

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from raymesh.evidence.redact import Form
from raymesh.evidence.redact import redact as redaction

SECRETS = st.text(string.ascii_letters + string.digits, min_size=16, max_size=60)
NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=8)
AROUND = st.text(st.characters(exclude_categories=["Cs"]), max_size=15)  # too short to hold a secret by chance


def redact(text: str) -> str:
    return redaction(text).text


@given(SECRETS, AROUND, AROUND)
def test_credentials_in_headers_go(secret: str, before: str, after: str) -> None:
    for line in (
        f"Authorization: Bearer {secret}",
        f"authorization={secret}",
        f'"token": "{secret}"',
        rf"{{\"x_token\":\"{secret}\"}}",
    ):
        assert secret not in redact(f"{before}\n{line}\n{after}")


@given(SECRETS, AROUND, AROUND)
def test_private_keys_go(secret: str, before: str, after: str) -> None:
    key = f"-----BEGIN EC PRIVATE KEY-----\n{secret}\n-----END EC PRIVATE KEY-----"
    assert secret not in redact(before + key + after)
    assert secret not in redact(before + key.replace("-----END EC PRIVATE KEY-----", ""))
    encoded = base64.b64encode(key.encode()).decode()
    assert encoded not in redact(f"{before}\nclient-key-data: {encoded}\n{after}")


@given(SECRETS, SECRETS, SECRETS, AROUND, AROUND)
def test_web_tokens_go(head: str, body: str, sign: str, before: str, after: str) -> None:
    token = f"eyJ{head}.eyJ{body}.{sign}"
    shown = redact(f"{before} {token} {after}")
    assert body not in shown
    assert sign not in shown


@given(st.dictionaries(NAMES, SECRETS, min_size=1), st.sampled_from(["data", "stringData"]), st.booleans())
def test_secrets_keep_their_names_only(values: dict[str, str], where: str, as_json: bool) -> None:
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(values), "other": "kept"}
    secret = {"kind": "Secret", "metadata": {"name": "ca", "annotations": applied}, where: values}
    pod = {"kind": "Pod", "metadata": {"name": "head"}}
    document = {"kind": "List", "items": [secret, pod]}
    shown = redact(json.dumps(document, indent=1) if as_json else yaml.safe_dump(document))
    assert not [value for value in values.values() if value in shown]
    emptied, kept = yaml.safe_load(shown)["items"]
    assert set(emptied[where]) == set(values)
    assert emptied["metadata"]["annotations"]["other"] == "kept"
    assert kept == pod


def test_a_secret_in_one_of_many_documents_goes() -> None:
    shown = redact("kind: Service\n---\nkind: Secret\ndata: {password: aHVudGVyMg==}\n")
    assert "aHVudGVyMg" not in shown
    assert [d["kind"] for d in yaml.safe_load_all(shown)] == ["Service", "Secret"]


def test_a_secret_that_can_not_be_read_goes_whole() -> None:
    assert "aHVudGVyMg" not in redact("kind: Secret\n\tdata: {p: aHVudGVyMg==")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T00:00:00Z raylet started on 10-244-0-7.raycluster-istio-headless-svc.default.svc.cluster.local",
        "kind: Pod\nmetadata: {name: head}\nspec: {volumes: [{secret: {secretName: istio-ca}}]}\n",
        "automountServiceAccountToken: true\nserviceAccountToken:\n  path: istio-token\n  expirationSeconds: 43200\n",
        "istio_requests_total{connection_security_policy='mutual_tls'} 4",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@given(AROUND)
def test_redaction_is_final(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_long_words_do_not_stall_it() -> None:
    text = "abc-" * 100_000 + " " + "x" * 400_000 + " " + "eyJ-" * 20_000
    assert redact(text) == text


def test_a_short_text_that_unfolds_into_millions_of_values_is_given_up_soon() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]", *(f"{b}: &{b} [{f'*{a}, ' * 9}]" for a, b in pairwise("abcdefghi"))]
    assert redaction("kind: Pod\n" + "\n".join(lines), Form.OBJECT).counts == {"objects that can't be read": 1}


def test_many_urls_in_one_word_do_not_stall_it() -> None:
    assert redaction("a://b@" * 50_000).counts == {}
