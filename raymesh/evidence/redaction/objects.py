"""Secrets in objects, by their place: what a Kubernetes object, a configuration or an answer holds is walked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

from raymesh.evidence.redaction import names
from raymesh.evidence.redaction.chance import is_chance
from raymesh.evidence.redaction.programs import arguments, is_by_chance
from raymesh.evidence.redaction.taken import GONE, Kind, Taken

Clean = Callable[[str, Taken], str]
"""Takes the secrets out of one text, and counts them."""

DATA = {"data", "stringData", "string_data", "binaryData", "binary_data", "encryptedData"}
SECRET_TYPES = ("Opaque", "kubernetes.io/", "helm.sh/", "istio.io/", "bootstrap.kubernetes.io/")
# Pairs of a name and its value: environment variables, headers and query parameters in Envoy's configuration, tags.
NAME_KEYS = ("name", "key", "header", "headerName", "header_name", "Name", "Key", "k", "field")
VALUE_KEYS = {
    *("value", "values", "Value", "val", "v", "raw_value", "rawValue", "default", "defaultValue", "content", "vStr"),
    *("exact", "exact_match", "exactMatch", "prefix", "prefix_match", "suffix", "suffix_match", "contains"),
    *("contains_match", "string_match", "stringMatch", "safe_regex", "safe_regex_match", "regex"),
}
JWK_SECRETS = {"k", "d", "p", "q", "dp", "dq", "qi", "oth"}  # RFC 7518, section 6
LITERALS = {
    *("", "true", "false", "null", "none", "nil", "undefined", "yes", "no", "0", "~", "***", "anonymous", "<redacted>"),
    GONE,
}
REFERENCE = re.compile(r"\$\([A-Za-z_]\w*\)|\$\{[A-Za-z_]\w*\}|\{\{[^{}]*\}\}|<set to the key [^>]*>", re.ASCII)
FLAG = re.compile(r"--?(?P<name>[A-Za-z][\w.-]*)")
ASSIGNED = re.compile(r"(?P<name>[A-Za-z_][\w.]*)=(?P<value>.*)", re.DOTALL)
SETTING = re.compile(
    r"^(?P<before>[ \t]*(?P<name>[\w.-]+)(?P<joint>[ \t]*[=:][ \t]*|[ \t]+)(?P<quote>[\"']?))(?P<value>[^\s\"']+)"
    r"(?P=quote)(?=[ \t\r]*$)",
    re.MULTILINE,
)
LOGIN_LINE = re.compile(
    r"^(?P<before>\"[\w.@-]+\"[ \t]+\")(?P<value>[^\"\n]+)(?=\"[ \t\r]*$)", re.MULTILINE
)  # pgbouncer
LINE_OF_ENV = re.compile(r"(?P<name>\s*(?:export )?[A-Za-z_]\w*)=(?P<value>.*)", re.ASCII)


class TooLarge(ValueError):
    """An object has more values than can be judged."""


class Walk:
    """One walk through one object."""

    def __init__(self, clean: Clean, taken: Taken, most: int) -> None:
        self._clean = clean
        self._taken = taken
        self._left = most  # values: aliases can make a short text huge

    def value(self, value: Any) -> Any:
        """Return `value` without its secrets. Raises TooLarge, and RecursionError where it is too deep."""
        self._left -= 1
        if self._left < 0:
            raise TooLarge
        if isinstance(value, str):
            return self._clean(value, self._taken)
        if isinstance(value, bytes):
            return self._gone(value, Kind.NAMED)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            return self._list(list(value))
        return value

    def _mapping(self, value: Mapping[Any, Any]) -> dict[Any, Any]:
        if names.is_environment_object(value.keys()):
            return {name: self._variable_value(str(name), part) for name, part in value.items()}
        secret = _is_secret(value)
        config_map = _kind(value) == "configmap"
        pair = _pair(value)
        result: dict[Any, Any] = {}
        for key, part in value.items():
            name = str(key)
            if secret and name in DATA:
                new = self._data(part)
            elif config_map and name in DATA:
                new = self._config_data(part, name)
            elif _kind(value) == "secretlist" and name == "items" and isinstance(part, list):
                new = [self.value({**item, "kind": "Secret"} if isinstance(item, Mapping) else item) for item in part]
            elif name == "secretKey" and "remoteRef" in value:  # of an ExternalSecret: which one it becomes
                new = part
            elif name in JWK_SECRETS and "kty" in value:
                new = self._everything(part, Kind.NAMED)
            elif name == "value" and {"op", "path"} <= value.keys():  # a JSON patch
                new = self._entry(str(value["path"]).rpartition("/")[2], part)
            elif pair and name in VALUE_KEYS:
                new = self._everything(part, pair)
            else:
                new = self._entry(name, part)
            result[self._clean(key, self._taken) if isinstance(key, str) else key] = new
        return result

    def _entry(self, name: str, part: Any) -> Any:
        """Clean what stands under `name`, which may say what it is."""
        if names.COPIES.search(name):
            new = self._everything(part, Kind.COPY)
        elif name.lower() == "annotations" and isinstance(part, Mapping):
            new = {key: self._annotation(str(key), text) for key, text in part.items()}
        elif name in {"encryptedData", "encrypted_data"}:
            new = self._data(part)
        elif name == "auths":
            new = self._login(part)
        elif name == "users" and isinstance(part, list):
            new = [self._user(user) for user in part]
        elif names.is_environment(name) and isinstance(part, Mapping | list):
            new = self._environment(part)
        elif name == "template" and isinstance(part, Mapping) and not DATA.isdisjoint(part):  # of a Secret to be made
            new = {key: self._data(one) if key in DATA else self._entry(str(key), one) for key, one in part.items()}
        elif names.is_secret(name):
            new = self._named(name, part)
        else:
            new = self.value(part)
        return new

    def _named(self, name: str, part: Any) -> Any:
        """Clean what has a secret's name."""
        held = names.holds_secrets(name)
        if isinstance(part, Mapping):
            return self._held(part) if held else self.value(part)
        if isinstance(part, list | tuple):
            return [self.value(item) if isinstance(item, Mapping) and not held else self._under(item) for item in part]
        if isinstance(part, int) and not isinstance(part, bool) and name.lower().endswith("tokens"):
            return part  # a number of tokens: of a bucket, of a language model
        return self._gone(part, Kind.NAMED)

    def _under(self, item: Any) -> Any:
        if isinstance(item, Mapping):
            return self._held(item)
        return self._everything(item, Kind.NAMED)

    def _held(self, part: Mapping[Any, Any]) -> dict[Any, Any]:
        """Clean an object with a secret's name: what only says which secret stays."""
        result: dict[Any, Any] = {}
        for key, item in part.items():
            name = str(key)
            if names.is_pointing(name) or name.startswith("@") or name in {"valueFrom", "value_from"}:
                result[key] = self._entry(name, item)
            elif isinstance(item, Mapping):
                result[key] = self._held(item)
            elif isinstance(item, list):
                result[key] = [self._under(one) for one in item]
            else:
                result[key] = self._gone(item, Kind.NAMED)
        return result

    def _list(self, value: list[Any]) -> list[Any]:
        match value:
            case [str(name), str(secret)] if names.HEADERS.fullmatch(name):
                return [name, self._gone(secret, Kind.NAMED)]
        result: list[Any] = []
        flagged = False
        for item, following in zip_longest(value, value[1:]):
            if not isinstance(item, str):
                result.append(self.value(item))
                flagged = False
                continue
            flag = FLAG.fullmatch(item)
            if flagged and not flag:
                result.append(self._gone(item, Kind.NAMED))
            else:
                result.append(self._clean(item, self._taken))
            flagged = flag is not None and (names.is_secret(flag["name"]) or _is_taken(item, following, value))
        return result

    def _environment(self, part: Any) -> Any:
        if isinstance(part, list):
            return [self._variable(item) for item in part]
        if any(isinstance(item, Mapping | list) for item in part.values()):
            return self.value(part)  # no variables: an object that is called so
        return {name: self._variable_value(str(name), value) for name, value in part.items()}

    def _variable(self, item: Any) -> Any:
        if isinstance(item, str) and (found := ASSIGNED.fullmatch(item)):
            return f"{found['name']}={self._variable_value(found['name'], found['value'])}"
        if isinstance(item, Mapping) and isinstance(item.get("name"), str):
            return {
                key: self._variable_value(item["name"], value) if key == "value" else self.value(value)
                for key, value in item.items()
            }
        return self.value(item)

    def _variable_value(self, name: str, value: Any) -> Any:
        if names.is_harmless(name):
            return self.value(value)
        return self._gone(value, Kind.ENVIRONMENT)

    def _annotation(self, name: str, text: Any) -> Any:
        if names.COPIES.search(name) or (isinstance(text, str) and _is_object(text)):
            return self._everything(text, Kind.COPY)
        return self._entry(name.rpartition("/")[2], text)

    def _data(self, part: Any) -> Any:
        if isinstance(part, Mapping):
            return {key: self._everything(value, Kind.SECRET_DATA) for key, value in part.items()}
        return self._everything(part, Kind.SECRET_DATA)

    def _config_data(self, part: Any, where: str) -> Any:
        if not isinstance(part, Mapping):
            return self.value(part)
        if where in {"binaryData", "binary_data"}:
            return {key: self._everything(value, Kind.CONFIG_DATA) for key, value in part.items()}
        return {
            key: self._gone(value, Kind.ENVIRONMENT)
            if names.is_variable(str(key)) and not names.is_harmless(str(key))
            else self._file(str(key), value)
            for key, value in part.items()
        }

    def _file(self, name: str, text: Any) -> Any:
        if isinstance(text, str):
            text = LOGIN_LINE.sub(self._login_line, SETTING.sub(self._setting, text))
        if not isinstance(text, str) or not names.is_environment_file(name):
            return self._entry(name, text)
        lines = [LINE_OF_ENV.fullmatch(line) for line in text.split("\n")]
        return self._clean(
            "\n".join(
                f"{found['name']}={self._variable_value(found['name'].split()[-1], found['value'])}" if found else line
                for found, line in zip(lines, text.split("\n"), strict=True)
            ),
            self._taken,
        )

    def _setting(self, found: re.Match[str]) -> str:
        """Cut a line of a program's own configuration: `password hidden`, or a key that is called nothing else."""
        bare = found["name"].lower() == "key" and is_chance(found["value"])
        if not bare and (found["joint"].strip() or not names.is_secret(found["name"])):
            return found[0]
        return f"{found['before']}{self._gone(found['value'], Kind.NAMED)}{found['quote']}"

    def _login_line(self, found: re.Match[str]) -> str:
        return f"{found['before']}{self._gone(found['value'], Kind.LOGIN)}"

    def _login(self, part: Any) -> Any:
        if not isinstance(part, Mapping):
            return self._everything(part, Kind.LOGIN)
        return {
            self._clean(str(place), self._taken): self._everything(login, Kind.LOGIN) for place, login in part.items()
        }

    def _user(self, user: Any) -> Any:
        if not isinstance(user, Mapping) or not isinstance(user.get("user"), Mapping):
            return self.value(user)
        return {
            key: self._everything(part, Kind.LOGIN) if key == "user" else self.value(part) for key, part in user.items()
        }

    def _everything(self, part: Any, kind: Kind) -> Any:
        """Empty all of it, and keep the names."""
        if isinstance(part, Mapping):
            return {key: self._everything(value, kind) for key, value in part.items()}
        if isinstance(part, list | tuple):
            return [self._everything(value, kind) for value in part]
        return self._gone(part, kind)

    def _gone(self, value: Any, kind: Kind) -> Any:
        if value is None or isinstance(value, bool):
            return value
        text = str(value).strip()
        if text.lower() in LITERALS or REFERENCE.fullmatch(text):
            return value
        if isinstance(value, Mapping | list | tuple):
            return self._everything(value, kind)
        self._taken[kind] += 1
        return GONE


def _kind(value: Mapping[Any, Any]) -> str:
    kind = value.get("kind")
    return kind.strip().lower() if isinstance(kind, str) else ""


def _is_secret(value: Mapping[Any, Any]) -> bool:
    if DATA.isdisjoint(value):
        return False
    made_of = value.get("type")
    return _kind(value).endswith("secret") or (isinstance(made_of, str) and made_of.startswith(SECRET_TYPES))


def _pair(value: Mapping[Any, Any]) -> Kind | None:
    """Tell whether an object is a pair of a secret's name and its value."""
    if VALUE_KEYS.isdisjoint(value):
        return None
    for key in NAME_KEYS:
        name = value.get(key)
        if isinstance(name, str):
            if names.is_variable(name) and ("_" in name or value.keys() == {"name", "value"}):
                return None if names.is_harmless(name) else Kind.ENVIRONMENT
            if names.is_secret(name.lstrip("-")):
                return Kind.NAMED
    return None


def _is_taken(option: str, following: Any, command: list[Any]) -> bool:
    """Tell whether what follows an option of a command is a secret: as the program takes it, or as it looks."""
    if not isinstance(following, str) or option.startswith("--"):
        return False
    if is_by_chance(option, following):
        return True
    line = " ".join(word for word in command if isinstance(word, str))
    return following in arguments(line)


def _is_object(text: str) -> bool:
    """Tell whether an annotation's text is a copy of an object."""
    if not text.lstrip().startswith("{"):
        return "apiVersion:" in text and "kind:" in text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and not {"kind", "apiVersion", "spec", "data", "stringData"}.isdisjoint(value)
