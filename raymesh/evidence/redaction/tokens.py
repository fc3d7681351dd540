"""Secrets that are known by their form, whatever stands around them: detect-secrets' detectors and what they lack."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import RegexBasedDetector

from raymesh.evidence.redaction.hexadecimal import is_key
from raymesh.evidence.redaction.taken import GONE, Kind, Taken

# Of the library's detectors these are left out: words for names and logins are found with their ends by the reader of
# free text, long ids are evidence, and a public address is no secret.
NOT_ASKED = {
    "Secret Keyword",
    "Base64 High Entropy String",
    "Hex High Entropy String",
    "Public IP (ipv4)",
    "Private Key",
    "Basic Auth Credentials",
    "JSON Web Token",
    "Cloudant Credentials",
    "IBM Cloud IAM Key",
    "IBM COS HMAC Credentials",
    "SoftLayer Credentials",
    "Artifactory Credentials",
    "NPM tokens",  # takes the square of a long word; its name and its prefix are known here, too
}


class PrefixedTokens(RegexBasedDetector):
    """Tokens whose makers give them a prefix; the library of 1.5.0 does not know these."""

    secret_type = "Prefixed Token"  # noqa: S105 - a title
    denylist = (
        re.compile(
            r"(?<![\w=-])eyJ[\w=-]{6,}\.[\w=-]+(?:\.[\w=-]*){0,3}"
        ),  # JSON web tokens of any length, encrypted ones too
        re.compile(r"github_pat_\w{20,}|gh[a-z]_\w{20,}|gl[a-z]{2,8}-[\w.-]{16,}"),
        re.compile(r"api/webhooks/\d+/[\w-]+|/webhookb2/[\w@/-]+"),
        re.compile(r"(?:xox[a-z]|xapp|xwfp)[.-][\w.-]{8,}|hooks\.slack\.com/[\w/]+"),
        re.compile(
            r"\b(?:sk|pk|rk|whsec|hf|r8|gsk|npm|pypi|nfp|sbp|pul|figd|do[a-z]_v1|dckr_[po]at|shp(?:at|ca|pa|ss)|lin_api|"
            r"ntn|sntry[su]|glsa|glc|glb|pscale|rubygems|CCIPAT|CCIPRJ|PMAK|NRAK|NRJS|NRII|HRKU|tskey|fm2|xai|pplx|phc|"
            r"phx|sgp|jina|tvly|csk|nvapi|vercel|lsv2|ls__|bb_live|prj_live|rnd|key_live)"
            r"[_-](?:[A-Za-z0-9]{1,12}[_-])*[A-Za-z0-9]{16,}[\w-]*"
        ),
        re.compile(
            r"\bdapi[0-9a-f]{32}\b|\bAGE-SECRET-KEY-1\w+|\bATATT3[\w=-]{20,}|\bATBB\w{20,}|\bEAA[A-Za-z0-9]{40,}"
        ),
        re.compile(
            r"\bhv[sbr]\.[\w-]{20,}|\bdt0c01\.[\w.]{20,}|\bdp\.\w+\.\w{20,}|\.atlasv1\.[\w-]{20,}|\bsl\.[\w-]{60,}"
        ),
        re.compile(r"\bAIza[\w-]{30,}|\bya29\.[\w-]{10,}|\bGOCSPX-[\w-]{16,}|\b1//0[\w-]{20,}"),
        re.compile(r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{12,}"),
        re.compile(r"\b(?:sv=|sig=)[\w%+/=-]{10,}|\b[\w~.-]{3}8Q~[\w~.-]{31,}|AccountKey=[\w+/=]+"),
        re.compile(r"\b\d{8,10}:AA[\w-]{20,}|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bkey-[0-9a-f]{32}\b"),
        re.compile(
            r"\$(?:1|2[abxy]?|5|6|y|apr1|argon2\w*|scrypt|pbkdf2[\w-]*)\$[^\s\"',<>]{8,}|\{S?SHA\d*\}[\w+/=]{8,}"
        ),
        re.compile(r"\bH4sI[\w+/=]{20,}|\bSDRzS[\w+/=]{20,}"),  # an object, zipped: Rancher's and Helm's copies
        re.compile(
            r"base64url\.bearer\.authorization\.k8s\.io\.[\w-]+|\bnapi_\w{20,}|\b\w{20,}JQQJ99\w{10,}|\bv1\.0-[0-9a-f]{24}-[0-9a-f]{40,}"
        ),
        re.compile(r"(?<![\w.-])(?=[a-z.]*\d)[a-z0-9]{6}\.(?=\w*[g-z])[a-z0-9]{16}(?![\w.-])"),  # kubeadm's
        re.compile(r"(?<=/t/)[\w-]{16,}(?=/)"),  # conda's channels
        re.compile(r"\bvault:v\d+:[\w+/=]{10,}|\bs\.(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{22,}"),
    )


LIBRARY: Mapping[str, Any] = get_mapping_from_secret_type_to_class()  # Any: the library types it as holding nothing
DETECTORS = (*(made() for kind, made in LIBRARY.items() if kind not in NOT_ASKED), PrefixedTokens())

PEM_PUBLIC = re.compile(
    r"-----BEGIN (?P<what>CERTIFICATE|CERTIFICATE REQUEST|X509 CRL|PUBLIC KEY)-----.*?-----END (?P=what)-----",
    re.DOTALL,
)
# With its end, or as far as lines of it go: a log that was cut off keeps the rest of its lines.
PEM_PRIVATE = re.compile(
    r"-----BEGIN (?P<what>[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:(?:(?!-----BEGIN)[\s\S]){0,65536}?-----END (?P=what)-----|[^\n]*(?:\n[^\n]*[A-Za-z0-9+/=]{16,}[^\n]*)*)"
    r"|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----[\s\S]*?(?:---- END[^\n]*|\Z)"
    r"|PuTTY-User-Key-File-\d[\s\S]*?(?:Private-MAC:[^\n]*|\Z)"
)
# Base64, also wrapped over lines (as such, or as \n in a string) as a YAML block or a mail has it.
_BREAK, _ENDS = r"(?:\\n|\r?\n[ \t]*)", r"(?=[ \t]*(?:\r?\n|\\|[\"']|\Z))"
ENCODED = re.compile(
    rf"[A-Za-z0-9+/_-]{{16,}}(?:{_BREAK}[A-Za-z0-9+/_-]{{16,}}{_ENDS})*(?:{_BREAK}[A-Za-z0-9+/_-]+={{0,2}}{_ENDS})?={{0,2}}"
)
LONG_WORD = re.compile(r"[^\s\"',;()<>\[\]|]{12,}")
PLAIN_ID = re.compile(r"(?:\w{1,20}=)?[0-9a-f.:/TZ-]+")
ESCAPED = re.compile(r"[^\s\"'<>]*%(?:2F|3A|3D|40|22|20|7B)[^\s\"'<>]*", re.IGNORECASE)
PRINTABLE = re.compile(r"[\x09\x0a\x0d\x20-\x7e]{8,}")
DEEPEST = 3
DER, INTEGER = b"\x30", 0x02
PIECES = re.compile(r"[A-Za-z0-9]+")
SHORTEST_RANDOM = 20
FEWEST_CHANGES = 0.36  # of neighbours in a word, from one of upper, lower, digit to another: 0.62 on average if random
LIKE_AWS = 40  # characters of a secret access key
KINDS = {"u", "l", "d"}  # of characters: upper, lower, digit
HEXADECIMAL = re.compile(r"(?:[0-9a-f]{2}){12,}")
SHORTEST_KEY = 24  # bytes
OF_DIGESTS = ("h1:", "sha256:", "sha384:", "sha512:", "SHA256:")  # go.sum's, an image's, ssh's
DIGESTS = ("sha256-", "sha384-", "sha512-")  # of a browser's and npm's integrity
OWN_IDS = re.compile(r"raysubmit_\w+")  # ids of Ray's jobs are evidence


def without_tokens(text: str, taken: Taken, clean: Callable[[str, Taken], str], depth: int = 0) -> str:
    """Return `text` without what has a secret's form; `clean` reads what was decoded."""
    if "PRIVATE" in text or "PuTTY" in text:
        text = _substituted(PEM_PRIVATE, text, Kind.PRIVATE_KEY, taken)
    if "-----BEGIN" not in text:
        return _segment(text, taken, clean, depth)
    parts, end = [], 0
    for public in PEM_PUBLIC.finditer(text):  # certificates are evidence
        parts += [_segment(text[end : public.start()], taken, clean, depth), public[0]]
        end = public.end()
    return "".join([*parts, _segment(text[end:], taken, clean, depth)])


def _segment(text: str, taken: Taken, clean: Callable[[str, Taken], str], depth: int) -> str:
    # Each word once, and none that is an id in hexadecimal: a log repeats its words, and the detectors are many.
    words = "\n".join({word for word in LONG_WORD.findall(text) if not PLAIN_ID.fullmatch(word)})
    for detector in DETECTORS if words else ():
        for secret in sorted(set(detector.analyze_string(words)), key=len, reverse=True):
            if secret and secret not in GONE:
                taken[Kind.TOKEN] += text.count(secret)
                text = text.replace(secret, GONE)

    def decoded(found: re.Match[str]) -> str:
        if text.endswith(OF_DIGESTS, 0, found.start()) or found[0].startswith(DIGESTS):
            return found[0]
        named = HEXADECIMAL.fullmatch(found[0]) and is_key(text, *found.span())
        kind = Kind.TOKEN if named else _judged(found[0], clean, depth)
        if kind is None:
            return found[0]
        taken[kind] += 1
        return GONE

    text = ENCODED.sub(decoded, text)
    if "%" in text and depth < DEEPEST:
        text = ESCAPED.sub(lambda found: _unescaped(found[0], taken, clean), text)
    return text


@lru_cache(20_000)
def _judged(word: str, clean: Callable[[str, Taken], str], depth: int) -> Kind | None:
    """Tell what a long word is, if it is a secret: by what it decodes to, or by looking like nothing but chance."""
    flat = re.sub(r"\\n|\s", "", word)
    if HEXADECIMAL.fullmatch(flat):
        return _inside(bytes.fromhex(flat), clean, depth)
    if flat.islower() or flat.isdigit() or OWN_IDS.fullmatch(flat):
        return None
    kind = _decoded(flat, clean, depth)
    return Kind.TOKEN if kind is None and not _is_public(flat) and _is_chance(flat) else kind


def _is_chance(word: str) -> bool:
    like_aws = len(word) == LIKE_AWS and not {"_", "-"} & set(word) and {_kind_of(char) for char in word} >= KINDS
    return like_aws or any(_is_random(piece) for piece in PIECES.findall(word))


def _decoded(word: str, clean: Callable[[str, Taken], str], depth: int) -> Kind | None:
    data = _bytes(word)
    if data[:1] == DER and _inner(data) == INTEGER:
        return Kind.PRIVATE_KEY
    if data.startswith(b"openssh-key-v1"):
        return Kind.PRIVATE_KEY
    return _inside(data, clean, depth)


def _inside(data: bytes, clean: Callable[[str, Taken], str], depth: int) -> Kind | None:
    if depth >= DEEPEST:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if not PRINTABLE.fullmatch(text):
        return None
    inside: Taken = Taken()
    clean(text, inside)
    return Kind.ENCODED if +inside else None


def _bytes(word: str) -> bytes:
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return b""


def _inner(data: bytes) -> int:
    """Return the tag of the first thing inside a DER sequence: an integer (its version) in every private key."""
    if len(data) < SHORTEST_KEY:
        return 0
    after = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)
    return data[after] if after < len(data) else 0


def _is_public(word: str) -> bool:
    """Tell whether it is a certificate or a public key: a sequence in a sequence; or certificates in a PEM file."""
    data = _bytes(word)
    return (data[:1] == DER and _inner(data) == DER[0]) or data.lstrip().startswith(b"-----BEGIN CERTIFICATE-----")


def _is_random(piece: str) -> bool:
    if len(piece) < SHORTEST_RANDOM or piece.islower() or piece.isupper() or piece.isdigit():
        return False
    kinds = [_kind_of(char) for char in piece]
    changes = sum(a != b for a, b in pairwise(kinds))
    return set(kinds) == KINDS and kinds.count("d") > 1 and changes >= FEWEST_CHANGES * len(piece)


def _kind_of(char: str) -> str:
    return "d" if char.isdigit() else "u" if char.isupper() else "l" if char.isalpha() else ""


def _unescaped(word: str, taken: Taken, clean: Callable[[str, Taken], str]) -> str:
    inside: Taken = Taken()
    clean(unquote(word), inside)
    if not +inside:
        return word
    taken[Kind.ENCODED] += 1
    return GONE


def _substituted(pattern: re.Pattern[str], text: str, kind: Kind, taken: Taken) -> str:
    text, times = pattern.subn(GONE, text)
    taken[kind] += times
    return text
