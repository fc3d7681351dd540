"""What a project says of its linting: [tool.raymesh.lint] in pyproject.toml, or a TOML file of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raymesh.errors import UsageError
from raymesh.lint.registry import all_rules

_SECTION = b"raymesh"
_KEYS = {"disable", "fail-on", "mesh", "ray", "istio", "kubernetes", "widest-worker-range"}


@dataclass(frozen=True)
class Config:
    """The settings of a project; the command line goes first."""

    disabled: dict[str, str] = field(default_factory=dict)  # rule: reason
    values: dict[str, Any] = field(default_factory=dict)


def load_config(path: str | None) -> Config:
    """Read a config file, or the nearest pyproject.toml upwards. Raises UsageError that names the key and its cure."""
    if path is not None:
        return _checked(_toml(Path(path)), path)
    here = Path.cwd()
    for folder in (here, *here.parents):
        found = folder / "pyproject.toml"
        if found.is_file():
            if _SECTION not in found.read_bytes():
                return Config()  # without importing the reader of TOML
            table = _toml(found).get("tool", {}).get("raymesh", {}).get("lint", {})
            return _checked(table, f"{found.name} [tool.raymesh.lint]")
    return Config()


def _toml(path: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - most projects have no config, and start-up should be short

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"config {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"config {path}: not TOML: {error}") from error


def _checked(table: dict[str, Any], where: str) -> Config:
    unknown = set(table) - _KEYS
    if unknown:
        raise UsageError(f"{where}: unknown key {sorted(unknown)[0]!r}; it has: {', '.join(sorted(_KEYS))}")
    disabled = table.get("disable", {})
    if not isinstance(disabled, dict):
        raise UsageError(f'{where}: disable is a table of reasons: disable.RM027 = "we pin Istio"')
    for rule, reason in disabled.items():
        if rule not in all_rules():
            raise UsageError(f"{where}: disable.{rule}: no such rule")
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError(f"{where}: disable.{rule} needs a reason")
    return Config(dict(disabled), {k: v for k, v in table.items() if k != "disable"})
