"""Takes secrets out of text before it is written down."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml

GONE = "[redacted]"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
SECRET_KIND = re.compile(r"""["']?kind["']?\s*:\s*["']?Secret\b""")

PRIVATE_KEY = re.compile(
    r"-----BEGIN (?P<kind>[A-Z ]*PRIVATE KEY)-----.*?(?:-----END (?P=kind)-----|\Z)",
    re.DOTALL,
)
PATTERNS = (
    (PRIVATE_KEY, GONE),
    # A PEM file in base64: as a Secret or a kubeconfig holds it. Certificates go too, they say nothing here.
    (re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/]*={0,2}"), GONE),
    # A JSON web token, as service accounts have them.
    (re.compile(r"\beyJ[\w-]{1,4096}\.[\w-]{1,4096}\.[\w-]+"), GONE),
    (re.compile(r"(?i)\b(bearer\s+)[^\s\"',;]{8,}"), rf"\1{GONE}"),
    (re.compile(r"(?i)((?:authorization|cookie)[\\\"']*[ \t]*[:=][ \t]*)[^\n]+"), rf"\1{GONE}"),
    (  # also in JSON that is quoted inside JSON
        re.compile(
            r"(?i)((?:token|password|passwd|secret[_-]?key|api[_-]?key)[\\\"']*[ \t]*[:=][ \t]*[\\\"']*)"
            r"(?!(?:true|false|null)\b)[^\s\\\"',;]+"
        ),
        rf"\1{GONE}",
    ),
)


class Form(StrEnum):
    """What a text is, and so how it is read."""

    OBJECT = "object"  # JSON or YAML: a witness's answer, a manifest
    TEXT = "text"  # a log, a report, anything for people
    XML = "xml"  # what pytest writes: text between tags


@dataclass(frozen=True)
class Redacted:
    """A text without its secrets, and how often something was taken out, by kind."""

    text: str
    counts: Counter[str]


def redact(text: str, form: Form = Form.TEXT) -> Redacted:
    """Return `text` without data of Secrets, private keys, tokens, passwords and credentials in headers."""
    del form
    if SECRET_KIND.search(text):
        text = _without_secrets(text)
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return Redacted(text, Counter({"secrets": text.count(GONE)}) if GONE in text else Counter())


def _without_secrets(text: str) -> str:
    """Empty the Secrets in YAML or JSON. What can't be read can't be judged, so all of it goes."""
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError:
        return f"{GONE}: it names a Secret and is neither YAML nor JSON\n"
    return yaml.safe_dump_all((_emptied(document) for document in documents), sort_keys=False)


def _emptied(value: Any) -> Any:
    if isinstance(value, list):
        return [_emptied(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "Secret":
        return {key: _emptied_part(key, part) for key, part in value.items()}
    return {key: _emptied(part) for key, part in value.items()}


def _emptied_part(key: str, part: Any) -> Any:
    """Keep the names in a Secret, not its values; kubectl keeps a copy of the values in an annotation."""
    if key in ("data", "stringData"):
        return dict.fromkeys(part, GONE) if isinstance(part, dict) else GONE
    if key == "metadata" and isinstance(part, dict) and isinstance(part.get("annotations"), dict):
        kept = {name: GONE if name == LAST_APPLIED else text for name, text in part["annotations"].items()}
        return part | {"annotations": kept}
    return part
