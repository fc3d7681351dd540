"""Secrets in free text: logs, reports, shell lines, and objects that nobody can parse any more."""

from __future__ import annotations

import re

from raymesh.evidence.redaction import names, programs
from raymesh.evidence.redaction.blocks import is_plain, without_blocks
from raymesh.evidence.redaction.chance import is_chance
from raymesh.evidence.redaction.taken import GONE, Kind, Taken

HOT = re.compile(
    r"(?:pass|pwd|secret|token|cred|auth|cookie|jwt|bearer|otp|psk|dsn|hmac|sig|sas|mnemonic|conn|sess.?id|session.?id|webhook|pin"
    r"|contrase|kennwort|mot.?de.?passe|senha|parola|wachtwoord|senord|adgangskode|salasana|has[lł]o|пароль|密码|密碼"
    r"|パスワード|비밀번호|phrase|code|word|json.?data|pw|key|id_rsa|id_ed|npmrc|netrc|pypirc|docker|kubeconfig)[\w.\[\]-]{0,40}(?P<quote>\\*(?:[\"'`]|u0022|&quot;|&#34;)?)\]?"
    r"(?:(?P<joint>[ \t]*(?:=>|:=|={1,3}|!=|:)[ \t]*|(?:&gt;|>)|(?P<tuple>,[ \t]*(?=\\*[\"']))|\()|[ \t]+(?=\S))",
    re.IGNORECASE,
)
# One of these is in every line that the patterns below can find something in; looking for words is cheap.
HOT_WORDS = (
    *("pass", "pwd", "secret", "token", "cred", "auth", "cookie", "jwt", "bearer", "otp", "psk", "dsn", "hmac", "sig="),
    *("signature", "sas", "mnemonic", "connstr", "conn_str", "conn-str", "conn str", "connection string", "apikey"),
    *(
        "connection_string",
        "connectionstring",
        "connection-string",
        "sessid",
        "sqlcmd",
        "mongo",
        "cqlsh",
        "session_id",
        "session-id",
        "sessionid",
        "webhook",
    ),
    *(
        "pin=",
        "pin:",
        "contrase",
        "kennwort",
        "de_passe",
        "depasse",
        "de passe",
        "senha",
        "parola",
        "wachtwoord",
        "key",
    ),
    *(
        "senord",
        "adgangskode",
        "salasana",
        "haslo",
        "hasło",
        "пароль",
        "密码",
        "密碼",
        "パスワード",
        "비밀번호",
        " code:",
    ),
    *(" codes:", *programs.WORDS, *programs.WORDS_OF_OPTIONS),
    *("id_rsa", "id_ed", "npmrc", "netrc", "pypirc", "docker"),
    *("kubeconfig", "value", "val:", "export ", "setenv", "declare -x", "-e ", "--env", "env ", "-u ", "-user ", "-u="),
    *(
        "pw",
        "phrase",
        "set -x",
        "from-literal",
        "sshpass",
        "redis-cli",
        "mysql",
        "mariadb",
        "login",
        "identified by",
        "@",
        ":*:",
        ":5432:",
        ":3306:",
        "basic ",
    ),
    *("on >", "code=", "ticket=", "assertion=", "samlresponse=", "zip", "kinit", "sudo -s", "cryptsetup", "openssl"),
    *("digest ", "negotiate ", "ntlm "),
)
# `access key`, `pass phrase`: two words are a name, too.
LEFT = re.compile(
    r"(?:\b(?:access|api|private|secret|client|encryption|signing|pass|auth|account|ssh|pin|recovery|backup|otp|mfa|2fa|"
    r"seed) ){0,2}[\w.-]*\Z",
    re.IGNORECASE,
)
CDATA = "<![CDATA["
QUOTE = re.compile(r"\\+u0022|\\*(?:\"\"\"|'''|[\"'`]|&quot;|&apos;|&#39;|&#34;)")
# A value that has no quotes ends before the next name with a value, or with its line.
NEXT = re.compile(r"(?=[\s,;&|]+-{0,2}[\w.\[\]-]{1,40}[\"']?(?:=|: ))|(?=\s+--?[A-Za-z])|(?=[\r\n])|(?=\\n)|\Z")
# What follows `token:` in a message of an error: words for a person.
PROSE = re.compile(
    r"(?:rpc error|error|failed|failure|invalid|expired|missing|not |no |unable|unauthori[sz]ed|EOF|context |timeout|"
    r"connection|permission|unexpected|cannot|could not|must |is |was |has |the |waiting|lookup|dial|open |Get |Post )",
)
HEADER_NAME = re.compile(r"(?:proxy-)?authorization|(?:set-)?cookie", re.IGNORECASE)
SIGNED = re.compile(r"(?:Digest|OAuth|Signature|AWS4[\w-]*)\s", re.IGNORECASE)  # several parts, some in quotes
URL = re.compile(
    r"(?P<scheme>[A-Za-z][\w+.-]*:(?://|\\/\\/))(?P<login>[^\s\"'<>@`]{0,500}(?:@[^\s\"'<>@/`]{0,500}){0,5})@(?=[^\s\"'<>@]*)"
)
BASIC = re.compile(
    r"(?i)\b(?P<scheme>bearer|basic|digest|negotiate|ntlm|apikey|token)(?P<gap>[ \t]+|%20)(?P<value>[\w+/=.~:-]{8,})"
)
SPOKEN_FOR = re.compile(
    r"(?i)(?P<before>\b(?:password|passphrase|passwd|token|secret|api[ _-]?key)\s+(?:for|of)\s+[^\n:=]{1,60}"
    r"(?::\s+|=\s*))(?P<value>[^\s\"'`]+)"
)
SPOKEN = re.compile(
    r"(?i)(?P<before>\b(?:password|passwd|passphrase|token|secret|api[ _-]?key)\s+"
    r"(?:is|was|set to|changed to|equals|to|of)(?:\s+now)?:?\s+[\"'`]?)(?P<value>[^\s\"'`]+)"
)
COMMANDS = (
    re.compile(r"(?P<before>(?:^|\s)(?:-u|--user|--proxy-user|-U)[ =][\"']?[^\s:\"']+:)(?P<value>[^\s\"']+)"),
    re.compile(r"(?P<before>--from-literal[= ][\"']?[\w.-]+=)(?P<value>[^\s\"']+)"),
    re.compile(r"(?P<before>(?:^|[\s\"])AUTH\s+)(?P<value>[^\s\"]{4,}(?:\s+\S+)?)"),
    re.compile(
        r"(?P<before>\b(?:password|passwd|passphrase)\s+)(?P<value>(?=[^\s]*[A-Za-z])(?=[^\s]*\d)[^\s,;:=]{6,})",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<before>\b(?:token|secret)\s+)(?P<value>(?=\S*[A-Za-z])(?=\S*\d)[\w.+/=-]{16,})", re.IGNORECASE),
    re.compile(r"(?P<before>\bPRAGMA\s+(?:re)?key\s*=\s*[\"'])(?P<value>[^\"'\n]+)", re.IGNORECASE),  # SQLCipher
    re.compile(
        r"(?P<before>(?:^|\s)[\w-]+(?:\.[\w-]+)*\.(?:secret|password|token|(?:secret|access|private)\.?key)[ \t]+)"
        r"(?P<value>\S+)"
    ),
    re.compile(r"(?P<before>\blogin\b[^\n]*?\s-p[ =]?)(?P<value>\S+)"),
    re.compile(r"(?P<before>\bpass(?:in|out)?[ =]+[\"']?pass:)(?P<value>\S+)"),
    re.compile(r"(?P<before>\blogin\s+\S+\s+(?:account\s+\S+\s+)?password\s+)(?P<value>\S+)"),
    re.compile(  # .pgpass
        r"(?P<before>(?:^|[\s\"'])(?!(?:[0-9A-Fa-f]{2}:){4})[\w.*-]+:(?:\d+|\*):[^:\s]+:[^:\s]+:)(?P<value>[^\s\"'\\]+)(?=[\"'\\]*(?:\s|$))",
        re.MULTILINE,
    ),
    re.compile(r"(?P<before>\b\w*Auth\(\s*[\"'][^\"'\n]*[\"']\s*,\s*[\"'])(?P<value>[^\"'\n]+)"),
    re.compile(r"(?P<before>\buser_\w+=\\*[\"'])(?P<value>[^\"'\n\\]+)"),  # of Kafka's login modules
    re.compile(r"(?P<before>\buser\s+\S+\s+(?:insecure-)?password\s+)(?P<value>\S+)"),  # HAProxy
    re.compile(
        r"(?i)(?P<before>\bauthorization\s+[\"'](?:basic|bearer|token)\s+)(?P<value>[^\s\"']+)"  # nginx
    ),
    re.compile(r"(?P<before>\b[\w.-]+:)(?P<value>[^\s@:]+)(?=@(?:tcp|unix|udp)\()"),
    re.compile(r"(?P<before>\bjdbc:oracle:thin:)(?P<value>[^@\s]+)(?=@)"),
    re.compile(
        r"(?P<before>\b(?:requirepass|masterauth|primaryauth|auth-pass[ \t]+\S+)[ \t]+[\"']?)"
        r"(?P<value>[^\s\"']+)(?=[\"']?[ \t\r]*$)",
        re.MULTILINE,  # redis.conf, sentinel.conf
    ),
    re.compile(r"(?P<before>\buser\s+\S+\s+(?:(?:on|off|reset\w*|[~&%+-]\S*)\s+)*>)(?P<value>\S+)"),  # Redis' ACL
    re.compile(r"(?P<before>\baws_access_key\s+\S+\s+)(?P<value>\S+)"),  # CoreDNS
    re.compile(
        r"(?P<before>\b(?:api|access|account|license|private|secret)[ _-]?key\s+)"
        r"(?P<value>(?=\S*[A-Za-z])(?=\S*\d)[\w.+/=-]{16,})",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<before>[?&]key=)(?P<value>[^&\s\"'<>#]{16,})"),
    re.compile(r"(?P<before>[?&](?:code|ticket|assertion|client_assertion|SAMLResponse)=)(?P<value>[^&\s\"'<>#]{8,})"),
    re.compile(r"(?P<before>\b(?:IDENTIFIED BY|PASSWORD)\s+')(?P<value>[^']+)(?=')", re.IGNORECASE),
)
PAIR = re.compile(
    r"\b(?:name|key|header)\\*[\"']?\s*[:=]\s*\\*[\"']?(?P<name>[\w.-]+)\\*[\"']?\s*[,;]?\s*"
    r"\\*[\"']?\b(?:value|raw_value|val)\\*[\"']?\s*[:=]\s*(?=\S)",
    re.IGNORECASE,
)
# A name, and its value further on: an element with attributes, a variable of HCL.
APART = re.compile(
    r"(?P<first><name>\s*(?P<named>[\w.-]+)\s*</name>\s*<value>)(?P<given>[^<]+)(?=</value>)|"
    r"(?P<before><(?P<tag>[\w.:-]+)\s[^<>\n]*>)(?P<text>[^<\n]+)(?=</)"
    r"|(?P<head>\bvariable\s+\"?(?P<name>[\w-]+)\"?\s*\{[^{}]{0,300}?\bdefault\s*=\s*\")(?P<default>[^\"\n]*)"
)
LIST = re.compile(r"\[\s*(?P<quote>\\*[\"'])(?P<inside>.*?)(?P=quote)\s*\]")
EXPORTED = re.compile(
    r"(?P<before>(?:\b(?:export|setenv|declare -x|set -x|ENV|env|set env \S+)|(?:^|\s)(?:-e|--env))[ =]\s*[\"']?"
    r"(?P<name>[A-Z_][A-Z0-9_]*)[= ])(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\n;&|]+?(?=\s+-|\s*[;&|]|\s*$))",
    re.MULTILINE,
)


LONGEST_WORD, SHORTEST_PIN, SHORTEST_TOKEN = 30, 4, 16  # characters


def without_named(text: str, taken: Taken) -> str:
    """Return `text` without values that are secrets by the name before them, by a command, or by a login in a URL."""
    text = without_blocks(text, taken)
    parts, end = [], 0
    for start, stop in _hot_lines(text):  # most lines of a log have no word that matters
        parts += [text[end:start], _without_named(text[start:stop], taken)]
        end = stop
    return "".join([*parts, text[end:]])


def _hot_lines(text: str) -> list[tuple[int, int]]:
    """Return where lines are that have a word of HOT_WORDS, each with the line that follows."""
    lower = text.lower()
    if len(lower) != len(text):  # a few letters of other alphabets become two
        lower = "".join(char.lower() if char.isascii() else char for char in text)
    found: set[tuple[int, int]] = set()
    for word in HOT_WORDS:
        at = lower.find(word)
        while at >= 0:
            start = lower.rfind("\n", 0, at) + 1
            line = lower.find("\n", at)
            after = lower.find("\n", line + 1) if line >= 0 else -1
            found.add((start, after if after >= 0 else len(text)))
            at = lower.find(word, line) if line >= 0 else -1
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _without_named(text: str, taken: Taken) -> str:
    text = programs.without_arguments(text, lambda found: _cut(found, Kind.NAMED, taken))
    text = _paired(text, taken)
    text = _named(text, taken)
    for command in COMMANDS:
        text = command.sub(lambda found: _cut(found, Kind.NAMED, taken), text)
    text = programs.SHORT_OPTION.sub(lambda found: _short(found, taken), text)
    text = APART.sub(lambda found: _apart(found, taken), text)
    text = EXPORTED.sub(lambda found: _exported(found, taken), text)
    text = BASIC.sub(lambda found: _scheme(found, taken), text)
    text = SPOKEN_FOR.sub(
        lambda found: found[0] if PROSE.match(found["value"]) else _cut(found, Kind.NAMED, taken), text
    )
    text = SPOKEN.sub(lambda found: _spoken(found, taken), text)
    return URL.sub(lambda found: _url(found, taken), text) if "@" in text else text


def _cut(found: re.Match[str], kind: Kind, taken: Taken) -> str:
    if is_plain(found["value"]) or PROSE.match(found["value"]):
        return found[0]
    taken[kind] += 1
    return f"{found['before']}{GONE}"


def _named(text: str, taken: Taken) -> str:
    """Cut values after names that say that they are secrets."""
    parts, end = [], 0
    for hot in HOT.finditer(text):
        if hot.start() < end:
            continue
        left = LEFT.search(text, max(end, hot.start() - 60), hot.start())
        start = left.start() if left else hot.start()
        name = re.match(r"[\w.\[\] -]*", text[start : hot.end()])
        value = _value_of(text, start, name[0] if name else "", hot)
        if value is not None:
            parts += [text[end : value[0]], GONE]
            end = value[1]
            taken[Kind.NAMED] += 1
    return "".join([*parts, text[end:]])


def _value_of(text: str, start: int, name: str, hot: re.Match[str]) -> tuple[int, int] | None:
    """Return where the value of this name begins and ends, None where it is no secret."""
    name = re.sub(r"\[\d*\]|\.+$", "", name.rstrip())
    before = text[max(0, start - 1) : start]
    joint = hot["joint"] or " "
    spoken = hot["joint"] is None and before != "-" and not name.startswith("-")  # two words of a sentence
    called = joint.strip() == "(" and text[hot.end() : hot.end() + 1] not in {"'", '"'}
    if spoken or called or not names.is_secret(name) or (hot["tuple"] and not _of_tuples(name)):
        return None
    begin, end = _end_of(text, hot.end(), name, joint, before if not hot["quote"] else "")
    value = text[begin:end].strip()
    opens = value in {"{", "["} and joint != " "
    counts = name.lower().endswith("tokens") and value.strip(",").isdigit()
    prose = joint.strip() == ":" and PROSE.match(text, begin)
    return None if not value or is_plain(value) or opens or counts or prose else (begin, end)


def _of_tuples(name: str) -> bool:
    """Tell whether a comma stands between this name and its value: a header, or a variable as in define('A_B', 'c')."""
    return names.HEADERS.fullmatch(name) is not None or (names.is_variable(name) and "_" in name)


def _end_of(text: str, begin: int, name: str, joint: str, before: str) -> tuple[int, int]:
    """Return where a value begins and ends: within its quotes, within quotes around name and value, or by its place."""
    listed = LIST.match(text, begin)
    if listed:
        return listed.span("inside")
    quote = QUOTE.match(text, begin)
    if quote:
        return quote.end(), _closing(text, quote)
    if before in {"'", '"'}:  # "Authorization: Basic ..."
        ends = re.compile(rf"(?<!\\){before}|[\r\n]|\Z")
    elif text.startswith(CDATA, begin):
        begin += len(CDATA)
        ends = re.compile(r"\]\]>|[\r\n]|\Z")
    elif joint.strip() in {">", "&gt;"}:
        ends = re.compile(r"<|&lt;|[\r\n]|\Z")
    elif HEADER_NAME.fullmatch(name):
        ends = re.compile(r"[\r\n]|\Z" if SIGNED.match(text, begin) else r"[\r\n\"'\\]|\Z")
    elif _in_query(text, begin):
        ends = re.compile(r"[&\s\"'<>]|\Z")
    elif joint == " ":
        ends = re.compile(r"[\s\"',;)}\]]|\Z")
    else:
        ends = NEXT
    found = ends.search(text, begin)
    return begin, found.start() if found else len(text)


def _closing(text: str, quote: re.Match[str]) -> int:
    """Return where the value of these quotes ends; with its line, where they are never closed."""
    line = text.find("\n", quote.end())
    line = len(text) if line < 0 else line
    if quote[0] == "'":  # YAML doubles a quote inside, Python escapes it
        inside = re.compile(r"(?:''|\\.|[^'\\\n])*").match(text, quote.end())
        return inside.end() if inside else line
    close = re.compile(rf"(?<!\\){re.escape(quote[0])}").search(text, quote.end())
    return close.start() if close else line


def _in_query(text: str, begin: int) -> bool:
    """Tell whether a value stands in a URL's query."""
    back = text[max(0, begin - 300) : begin]
    word = back[max(back.rfind(mark) for mark in " \t\n\"'<(") + 1 :]
    return ("?" in word and "://" in word) or (word[:1] == "/" and "?" in word)


def _paired(text: str, taken: Taken) -> str:
    """Cut values of pairs of a name and a value, as Envoy prints headers and Kubernetes prints variables."""
    parts, end = [], 0
    for pair in PAIR.finditer(text):
        name = pair["name"]
        variable = names.is_variable(name) and "_" in name
        if pair.start() < end or (names.is_harmless(name) if variable else not names.is_secret(name)):
            continue
        begin, stop = _end_of(text, pair.end(), "", ":", "")
        if not is_plain(text[begin:stop]):
            parts += [text[end:begin], GONE]
            end = stop
            taken[Kind.ENVIRONMENT if variable else Kind.NAMED] += 1
    return "".join([*parts, text[end:]])


def _exported(found: re.Match[str], taken: Taken) -> str:
    return found[0] if names.is_harmless(found["name"]) else _cut(found, Kind.ENVIRONMENT, taken)


def _short(found: re.Match[str], taken: Taken) -> str:
    return _cut(found, Kind.NAMED, taken) if is_chance(found["value"]) else found[0]


def _apart(found: re.Match[str], taken: Taken) -> str:
    name = found["tag"] or found["named"] or found["name"]
    before = found["before"] or found["first"] or found["head"]
    if not names.is_secret(name) or is_plain(found["text"] or found["given"] or found["default"]):
        return found[0]
    taken[Kind.NAMED] += 1
    return f"{before}{GONE}"


def _scheme(found: re.Match[str], taken: Taken) -> str:
    value = found["value"]
    wordy = value.rstrip(".:,").replace("-", "").isalpha() and (value.islower() or value.istitle())
    if (wordy and len(value) < LONGEST_WORD) or value.startswith(GONE):
        return found[0]
    if found["scheme"].lower() in {"token", "basic"} and not any(c.isdigit() or c in "=" for c in value):
        return found[0]
    taken[Kind.TOKEN] += 1
    return f"{found['scheme']}{found['gap']}{GONE}"


def _spoken(found: re.Match[str], taken: Taken) -> str:
    value = found["value"]
    if not any(c.isdigit() for c in value) or (value.rstrip(".,").isdigit() and len(value) < SHORTEST_PIN):
        return found[0]
    return _cut(found, Kind.NAMED, taken)


def _url(found: re.Match[str], taken: Taken) -> str:
    login = found["login"]
    user, colon, password = login.partition(":")
    port = re.match(r"\d{1,5}(?:[/?#]|\Z)", password)
    if "/" in user or "?" in user or "#" in user or (colon and port and "/" in password):
        return found[0]  # an @ in the path
    secret = password if colon else user
    if not secret or secret.startswith(GONE) or (not colon and len(user) < SHORTEST_TOKEN):
        return found[0]
    taken[Kind.URL] += 1
    return f"{found['scheme']}{user + ':' if colon else ''}{GONE}@"
