"""What a project says of its linting: raymesh.toml, or [tool.raymesh.lint] in pyproject.toml.

The nearest one upwards from a linted file holds for it; a pyproject.toml without our table is passed by. The keys are
those of raymesh.schema.json, which editors read, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from raymesh.errors import UsageError
from raymesh.frozen import frozen

OWN_FILE, SHARED_FILE = "raymesh.toml", "pyproject.toml"
SCHEMA = Path(__file__).with_name("raymesh.schema.json")
_TABLE = re.compile(rb"^\s*\[\[?\s*tool\s*\.\s*raymesh\b|^\s*tool\.raymesh\b", re.MULTILINE)
_REASONS = re.compile(r"\b(ignore|disable)\.RM")
_OLDER = {"disable": "ignore"}
_TYPES: Mapping[str, tuple[type, str]] = {
    "string": (str, "text in quotes"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
    "array": (list, "a list"),
    "object": (dict, "a table"),
}


@frozen
class Config:
    """The settings of a project, of checked types; the command line goes first."""

    path: str = ""  # the file, empty where there is none
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """What the paths in it are relative to."""
        return Path(self.path).parent if self.path else Path()


def load_config(path: str) -> Config:
    """Read a config file. Raises UsageError that names the file, the key and the cure."""
    data = _toml(Path(path))
    if Path(path).name == SHARED_FILE:
        data = _nested(data, path)
    return _checked(data, path)


class Nearest:
    """Finds the settings that hold for a file; a folder is looked at once."""

    def __init__(self) -> None:
        self._known: dict[Path, Config] = {}

    def to(self, path: str) -> Config:
        """The nearest settings upwards from a file or folder. Raises UsageError where they are wrong."""
        start = Path(path).resolve()
        return self._upwards(start if start.is_dir() else start.parent)

    def _upwards(self, folder: Path) -> Config:
        if folder not in self._known:
            self._known[folder] = self._look(folder)
        return self._known[folder]

    def _look(self, folder: Path) -> Config:
        if (folder / OWN_FILE).is_file():
            return load_config(str(folder / OWN_FILE))
        if _has_table(folder / SHARED_FILE):
            return load_config(str(folder / SHARED_FILE))
        return self._upwards(folder.parent) if folder.parent != folder else Config()


def _has_table(path: Path) -> bool:
    """Whether a pyproject.toml speaks of us; without importing the reader of TOML."""
    try:
        return _TABLE.search(path.read_bytes()) is not None
    except OSError:
        return False


def _toml(path: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - most projects have no config, and start-up should be short

    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"config {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"config {path}: not TOML: {error}") from error


def _nested(data: dict[str, Any], path: str) -> dict[str, Any]:
    where = ""
    for name in ("tool", "raymesh", "lint"):
        where = f"{where}.{name}".lstrip(".")
        found = data.get(name, {})
        if not isinstance(found, dict):
            raise UsageError(f"{path}: {where} is {found!r}, not a table: write [tool.raymesh.lint]")
        if name == "raymesh" and set(found) - {"lint"}:
            raise UsageError(f"{path}: tool.raymesh has only the table lint: write [tool.raymesh.lint]")
        data = found
    return data


def _checked(table: dict[str, Any], path: str) -> Config:
    import json  # noqa: PLC0415 - as above

    from raymesh.lint.policy import check_rule  # noqa: PLC0415 - imports every rule

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    renamed = {_OLDER.get(key, key): value for key, value in table.items()}
    for key in _OLDER.keys() & table.keys():
        _check(schema["properties"][_OLDER[key]], table[key], f"{path}: {key}")
    _check(schema, renamed, path)
    for key in ("ignore", "severity"):
        for rule in renamed.get(key, {}):
            check_rule(rule, f"{path}: {key}.{rule}")
    for rule in renamed.get("select", ()):
        check_rule(rule, f"{path}: select")
    for at, one in enumerate(renamed.get("per-path", ()), 1):
        for rule in one["ignore"]:
            check_rule(rule, f"{path}: per-path {at}: ignore.{rule}")
    return Config(path, renamed)


def _check(schema: dict[str, Any], value: object, where: str) -> None:
    """Hold a value to the parts of JSON Schema that our schema uses."""
    if "enum" in schema and value not in schema["enum"]:
        raise UsageError(f"{where}: {value!r}: one of {', '.join(schema['enum'])}")
    wanted, told = _TYPES.get(schema.get("type", ""), (object, ""))
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        quote = ': write it in quotes, such as "1.30"' if wanted is str and isinstance(value, int | float) else ""
        named = ' of reasons: ignore.RM027 = "why"' if where.endswith(("ignore", "disable")) else ""
        raise UsageError(f"{where}: {value!r} is not {told}{named}{quote}")
    if isinstance(value, str):
        if len(value.strip()) < schema.get("minLength", 0):
            raise UsageError(f"{where} needs a {'reason' if _REASONS.search(where) else 'text'}")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            raise UsageError(f"{where}: {value!r}: {_form(schema['pattern'])}")
    if isinstance(value, int) and value < schema.get("minimum", value):
        raise UsageError(f"{where}: {value!r}: at least {schema['minimum']}")
    if isinstance(value, list):
        for one in value:
            _check(schema["items"], one, where)
    if isinstance(value, dict):
        _check_table(schema, value, where)


def _check_table(schema: dict[str, Any], table: dict[str, Any], where: str) -> None:
    known = schema.get("properties", {})
    more = schema.get("additionalProperties")
    for key in schema.get("required", ()):
        if key not in table:
            raise UsageError(f"{where}: {key} is missing; it has: {', '.join(known)}")
    for key, value in table.items():
        joint = "." if ": " in where else ": "
        if key in known:
            _check(known[key], value, f"{where}{joint}{key}")
        elif isinstance(more, dict):
            _check(more, value, f"{where}{joint}{key}")
        else:
            raise UsageError(f"{where}: unknown key {key!r}; it has: {', '.join(sorted(known))}")


def _form(pattern: str) -> str:
    return "a rule such as RM027, or the beginning of some" if "RM" in pattern else "a release such as 1.28"
