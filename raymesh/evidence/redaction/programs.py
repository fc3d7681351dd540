"""Where programs take secrets on their command lines: a row for each, as their manuals have it."""

from __future__ import annotations

import re
from collections.abc import Callable

from raymesh.evidence.redaction.chance import is_chance

# Programs, and what stands between their name and the secret. A value that begins with a dash is the next option.
ROWS: tuple[tuple[str, str], ...] = (
    ("redis-cli|valkey-cli|keydb-cli|redis-benchmark|valkey-benchmark", r"[^\n]*?\s-a\s+"),
    ("sqlcmd|bcp", r"[^\n]*?\s-P\s*"),
    ("mongo|mongosh|mongodump|mongorestore|cqlsh|rabbitmqadmin|twine", r"[^\n]*?\s-p(?!ass)\s*"),
    ("mysql|mysqldump|mysqladmin|mariadb|mariadb-dump", r"[^\n]*?\s-p"),
    ("sshpass", r"\s+-p\s*"),
    ("ldapsearch|ldapadd|ldapmodify|ldapdelete|ldapwhoami", r"[^\n]*?\s-w\s*"),
    ("smbclient|rpcclient", r"[^\n]*?\s-U\s+[^\s%]+%"),
    ("lftp", r"[^\n]*?\s-u\s+[^\s,]+,"),
    ("influx", r"[^\n]*?\s-[pt]\s+"),
    ("rabbitmqctl", r"[^\n]*?\s(?:add_user|change_password|authenticate_user)\s+\S+\s+"),
    ("vault|bao", r"[^\n]*?\s(?:put|patch|write)\s+\S+(?:\s+[\w.-]+=\[redacted\])*\s+[\w.-]+="),
    ("openssl", r"\s+(?:enc|aes\S*|des\S*)\b[^\n]*?\s-(?:k|K)\s+"),
    ("7z|7za|7zr|unrar|rar", r"\s[^\n]*?\s-h?p"),
    ("zip|unzip", r"\b[^\n]*?\s-P\s*"),
    ("htpasswd", r"\s+-\w*b\w*\s+\S+\s+\S+\s+"),
    ("aws", r"\s+configure\s+set\s+\S*(?:secret_access_key|session_token)\s+"),
    ("npm|pnpm|yarn", r"\s+config\s+set\s+\S*(?:_authToken|_auth|_password)[\s=]+"),
    ("mc", r"\s+alias\s+set\s+\S+\s+\S+\s+\S+\s+"),
    ("net", r"\s+use\b[^\n]*?\s/user:\S+\s+"),
    ("wpa_passphrase", r"\s+\S+\s+"),
    ("snmpget|snmpwalk|snmpset|snmptrap|snmpbulkwalk", r"[^\n]*?\s-[AXc]\s+"),
    ("radtest", r"\s+(?!-)\S+\s+"),
    ("sqlplus|impdp|expdp", r"\s+[^\s/]+/(?=[^\s@]+@)"),
    ("http|https|xh|xhs", r"\b[^\n]*?\s-a\s+[^\s:]+:"),
    ("nmcli", r"[^\n]*?\spassword\s+"),
    ("ssh-keygen", r"[^\n]*?\s-[NP]\s+"),
    (
        r"gh|createuser|docker|podman|helm|oc|az",
        r"\s[^\n]*?--(?:with-token|password-stdin|pwprompt)\b[^\n]*?<<<\s*[\"']?",
    ),
    ("kinit|sudo|passwd|cryptsetup", r"[^\n]*?<<<\s*[\"']?"),
)
PIPED = re.compile(
    r"(?P<before>\b(?:echo|printf)\s+(?:-n\s+|-e\s+|[\"']?%s(?:\\n)?[\"']?\s+)?[\"']?)(?P<value>[^|\s\"'$\\]+)"
    r"(?=(?:\\n)?[\"']?\s*\|[^|\n]*(?:-stdin\b|\b(?:chpasswd|kinit|passwd|cryptsetup|gpg|openssl)\b|\bsudo -S))"
)
# An option of one letter that many programs take a password or a key by; of an unknown one only what chance made goes.
SHORT = "apwktsAPWKTX"
SHORT_OPTION = re.compile(rf"(?P<before>(?:^|\s)-[{SHORT}][ =]+[\"']?)(?P<value>[A-Za-z0-9]{{10,}})(?=[\"']?(?:\s|$))")
_VALUE = r"(?P<value>(?!-)[^\s\"']+)"
PATTERNS = tuple(
    (tuple(named.split("|")), re.compile(rf"(?P<before>(?<![\w.-])(?:{named})(?![\w-]){between}){_VALUE}"))
    for named, between in ROWS
)
# In most lines of a log, so that other words lead to them.
_ELSEWHERE = {"http", "https", "net", "mc", "az", "oc", "gh", "aws", "npm", "zip", "rar", "docker"}
WORDS = (
    *sorted({name for programs, _ in ROWS for name in programs.split("|")} - _ELSEWHERE),
    *("-stdin", "sudo", "<<<", " -hp", "mc alias", "net use", "aws configure", "npm config", "zip "),
)
WORDS_OF_OPTIONS = tuple(f" -{letter}".lower() for letter in SHORT)


def without_arguments(text: str, cut: Callable[[re.Match[str]], str]) -> str:
    """Return `text` with what `cut` makes of each argument that a program takes a secret by."""
    for names, pattern in PATTERNS:
        if any(name in text for name in names):
            while (new := pattern.sub(cut, text)) != text:  # what was cut is part of what stands before the next
                text = new
    return PIPED.sub(cut, text) if "|" in text else text


def arguments(line: str) -> set[str]:
    """Return the secrets among the arguments of one command line."""
    return {found["value"] for _, pattern in PATTERNS for found in pattern.finditer(line)}


def is_by_chance(option: str, value: str) -> bool:
    """Tell whether an argument after an option of one letter is a secret, whatever program takes it."""
    return len(option) == 2 and option[1] in SHORT and value.isalnum() and is_chance(value)  # noqa: PLR2004 - "-a"
