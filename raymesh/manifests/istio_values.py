"""What single values of Istio's objects may be: names, hosts, addresses, header names, regular expressions.

Read from pkg/config/validation, its agent package and pkg/config/labels of istio/istio 1.31.
"""

from __future__ import annotations

import ipaddress
import re

LONGEST_LABEL, LONGEST_HOST, LONGEST_REGEX = 63, 255, 1024
PROTOCOLS = ("tcp", "udp", "grpc", "grpc-web", "http", "http_proxy", "http2", "https", "tls", "mongo", "redis", "mysql")
HTTP_PROTOCOLS, TLS_PROTOCOLS = ("http", "http2", "http_proxy", "grpc", "grpc-web"), ("https", "tls")
_LABEL = re.compile(r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?")
_FIRST_LABEL = re.compile(rf"\*|(?:\*|\*-)?{_LABEL.pattern}")
_WORD = r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_KEY = re.compile(rf"(?:({_LABEL.pattern}(?:\.{_LABEL.pattern})*)/)?({_WORD})")
_LABEL_VALUE = re.compile(rf"(?:{_WORD})?")
_HEADER = re.compile(r"[!#$%&'*+\-.^_`|~A-Za-z0-9]+")
_HEADER_VALUE = re.compile(r"(?:[^%\x00-\x08\x0a-\x1f\x7f]|%%|%[^%\x00-\x08\x0a-\x1f\x7f]+%)*")
_PSEUDO_HEADERS = (":method", ":scheme", ":authority", ":path", ":status")
_CLAIM = re.compile(r"@request\.auth\.claims(?:\..+|\[.+\])", re.IGNORECASE | re.DOTALL)
# What RE2 does not have, though Python does: looking around, going back, keeping what is taken, ends by \Z.
_NOT_RE2 = re.compile(r"(?<!\\)(?:\\\\)*(?:\(\?(?:[=!>]|<[=!]|\(|P=)|\\[1-9Z]|[*+?}]\+)")
_RE2_ONLY = re.compile(r"\\[pPQEzC]|\[\[:|[\^$][*+?{]|\\[bBA][*+?{]|\(\?[a-zA-Z-]*[:)]|\(\?<[A-Za-z]")
_REPEATED = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_MOST_REPEATS = 1000


def is_label(text: str) -> bool:
    """A label of DNS; capitals are let pass."""
    return len(text) <= LONGEST_LABEL and _LABEL.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """A name of DNS."""
    return 0 < len(text) <= LONGEST_HOST and _are_labels(text)


def is_host_or_wildcard(text: str) -> bool:
    """A name of DNS whose first label may begin with a star."""
    first, dot, rest = text.partition(".")
    if not 0 < len(text) <= LONGEST_HOST or len(first) > LONGEST_LABEL or not _FIRST_LABEL.fullmatch(first):
        return False
    return not dot or _are_labels(rest)


def _are_labels(text: str) -> bool:
    *labels, last = text.split(".")
    if re.fullmatch(r"[-+]?[0-9]{1,18}", last):
        return False
    return all(is_label(label) for label in labels) and (last == "" or is_label(last))


def is_address(text: str) -> bool:
    """An address of IP, 4 or 6."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_network(text: str) -> bool:
    """An address, or a network as ADDRESS/BITS."""
    address, slash, bits = text.partition("/")
    if not slash:
        return is_address(text)
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return bits.isdecimal() and "%" not in address


def is_label_pair(key: str, value: str) -> bool:
    """What Kubernetes takes for a label with its value."""
    found = _LABEL_KEY.fullmatch(key)
    if found is None or len(found[1] or "") > LONGEST_HOST - 2 or len(found[2]) > LONGEST_LABEL:
        return False
    return _LABEL_VALUE.fullmatch(value) is not None


def is_claim(name: str) -> bool:
    """A claim of a token, where headers are matched."""
    return _CLAIM.fullmatch(name) is not None


def is_header(name: str) -> bool:
    """What headers can be matched by: their name, a part of the request, a claim of its token."""
    return is_claim(name) or name in _PSEUDO_HEADERS or _HEADER.fullmatch(name) is not None


def is_cors_header(name: str) -> bool:
    """A header by its name, or all of them."""
    return _HEADER.fullmatch(name) is not None


def can_change(name: str, *, authority: bool) -> bool:
    """Whether a header can be set or removed; `authority`: that one too, as it can in a request."""
    if authority and name.lower() in (":authority", "host"):
        return True
    return bool(name) and not name.startswith(":") and name.lower() != "host"


def is_header_value(text: str) -> bool:
    """Text with %VARIABLES% of Envoy; a percent sign by itself is written twice."""
    return _HEADER_VALUE.fullmatch(text) is not None


def wrong_regex(text: str) -> str:
    """Why RE2 does not take a regular expression; empty where it does, or where Python can't tell."""
    if not text:
        return "is empty"
    if len(text) > LONGEST_REGEX:
        return f"has more than {LONGEST_REGEX} characters"
    if _NOT_RE2.search(text) or any(_too_often(*found) for found in _REPEATED.findall(text)):
        return "is none of RE2"
    if _RE2_ONLY.search(text):
        return ""
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return "is none of RE2"
    return ""


def _too_often(least: str, most: str) -> bool:
    return any(len(bound) > len(str(_MOST_REPEATS)) or int(bound or 0) > _MOST_REPEATS for bound in (least, most))
