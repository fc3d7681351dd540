"""Files by the configuration that holds for them: each project is linted by its own rules, apart from the others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raymesh.frozen import frozen
from raymesh.lint.baseline import load_baseline
from raymesh.lint.config import Config, Nearest, load_config
from raymesh.lint.diagnostics import Diagnostic, Severity
from raymesh.lint.policy import GroupBy, PerPath, Policy, check_rule, matches
from raymesh.lint.run import Report, lint_texts, read_texts
from raymesh.manifests.places import Unread
from raymesh.manifests.reading import STDIN, find_files
from raymesh.manifests.relating import Options
from raymesh.ports.versions import parse_version


@frozen
class Given:
    """What the command line says; None and empty leave it to the configuration."""

    paths: tuple[str, ...] = ()
    live: tuple[str, str] | None = None  # name and text of what was read from a cluster
    stdin_name: str | None = None
    config: str | None = None
    exclude: tuple[str, ...] = ()
    group_by: GroupBy | None = None
    select: tuple[str, ...] = ()
    ignore: Mapping[str, str] = field(default_factory=dict)
    baseline: str | None = None
    without_baseline: bool = False
    mesh: bool | None = None
    ray: str | None = None
    istio: str | None = None
    kubernetes: str | None = None


@dataclass
class Project:
    """The texts that one configuration holds for, and what could not be read of them."""

    config: Config
    options: Options
    policy: Policy
    sources: dict[str, str]
    problems: list[Diagnostic]
    named: tuple[str, ...]

    def lint(self) -> Report:
        """Lint them together."""
        return self._with_problems(lint_texts(self.sources, self.options, self.policy, self.named))

    def fix(self) -> Report:
        """Lint them and cure what can be cured. The report has the new texts; nothing is written."""
        from raymesh.lint.fixing import fix_texts  # noqa: PLC0415 - most runs change nothing

        return self._with_problems(fix_texts(self.sources, self.options, self.policy))

    def least_failing(self, fail_on: str | None) -> Severity:
        """The least severity that fails a run."""
        return severity_of(fail_on or self.config.values.get("fail-on", "warning"))

    def least_shown(self, show: str | None) -> Severity:
        """The least severity that is printed."""
        return severity_of(show or self.config.values.get("show", "note"))

    def _with_problems(self, report: Report) -> Report:
        alone = Report(findings=self.problems)
        alone.join(report)
        return alone


def projects(given: Given) -> Iterator[Project]:
    """The projects of a run. Raises UsageError where the command line or a configuration is wrong."""
    forced = load_config(given.config) if given.config else None
    nearest = Nearest()
    here = forced or nearest.to(".")
    if given.live:
        yield _project(given, here, dict([given.live]), [], piped=given.live[0])
        return
    paths = [_short(path) for path in given.paths or _default_paths(here)]
    by_config: dict[str, tuple[Config, list[str | Unread]]] = {}
    for path in find_files(paths):
        name = path.place.path if isinstance(path, Unread) else path
        config = here if name == STDIN else forced or nearest.to(name)
        if name in paths or not _excluded(name, given, config):
            by_config.setdefault(config.path, (config, []))[1].append(path)
    for config, files in by_config.values():
        sources, problems = read_texts(files, paths)
        if given.stdin_name and STDIN in sources:
            sources = {given.stdin_name if path == STDIN else path: text for path, text in sources.items()}
        yield _project(given, config, sources, problems, tuple(paths), given.stdin_name or STDIN)


def severity_of(word: str) -> Severity:
    """The severity of that name."""
    return next(severity for severity in Severity if str(severity) == word)


def _default_paths(config: Config) -> tuple[str, ...]:
    paths = [path.replace("\\", "/") for path in config.values.get("paths", ())]  # as people on Windows write them, too
    return tuple(str(config.folder / path) for path in paths) or (".",)


def _short(path: str) -> str:
    """A path relative to the working folder where it lies below it: findings are read by people and by code hosts."""
    if path == STDIN:
        return path
    inside = os.path.relpath(path)
    return inside if Path(path).is_absolute() and not inside.startswith("..") else path


def _excluded(path: str, given: Given, config: Config) -> bool:
    if path == STDIN:
        return False
    return matches(_from(path, Path()), given.exclude) or matches(
        _from(path, config.folder), tuple(config.values.get("exclude", ()))
    )


def _from(path: str, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _project(
    given: Given,
    config: Config,
    sources: dict[str, str],
    problems: list[Diagnostic],
    named: tuple[str, ...] = (),
    piped: str = STDIN,
) -> Project:
    return Project(config, _options(given, config), _policy(given, config, piped), sources, problems, named)


def _options(given: Given, config: Config) -> Options:
    values: Mapping[str, Any] = config.values

    def version(name: str) -> str | None:
        told = getattr(given, name) or values.get(name)
        return None if told is None else str(told)

    ray, istio, kubernetes = version("ray"), version("istio"), version("kubernetes")
    return Options(
        mesh=bool(given.mesh or values.get("mesh", False)),
        ray=parse_version(ray) if ray else None,
        istio=parse_version(istio, "Istio", "1.27")[:2] if istio else None,
        kubernetes=parse_version(kubernetes, "Kubernetes", "1.33")[:2] if kubernetes else None,
        widest=int(values.get("widest-worker-range", Options.widest)),
    )


def _policy(given: Given, config: Config, piped: str) -> Policy:
    values: Mapping[str, Any] = config.values
    for option in ("select", "ignore"):
        for rule in getattr(given, option):
            check_rule(rule, f"--{option}")
    known = given.baseline
    if known is None and not given.without_baseline and "baseline" in values:
        known = str(config.folder / values["baseline"])
    return Policy(
        select=given.select or tuple(values.get("select", ())),
        ignore={**values.get("ignore", {}), **given.ignore},
        severity={rule: severity_of(word) for rule, word in values.get("severity", {}).items()},
        per_path=tuple(PerPath(tuple(one["paths"]), one["ignore"]) for one in values.get("per-path", ())),
        group_by=given.group_by or values.get("group-by", "auto"),
        folder=str(config.folder),
        baseline=load_baseline(known) if known else None,
        piped=piped,
        rendered_from=given.stdin_name if given.stdin_name and Path(given.stdin_name).is_dir() else "",
    )
