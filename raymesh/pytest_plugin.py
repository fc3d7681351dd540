"""`pytest --manifests=PATH`: every manifest below PATH is a test item that fails on what the linter finds.

It is the linter of `raymesh ports lint`: same configuration, suppressions and severities. Installed, pytest finds it by
its entry point; nothing of the linter is imported before `--manifests` is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raymesh.errors import UsageError

if TYPE_CHECKING:
    from raymesh.lint.diagnostics import Diagnostic, Severity

ROOT = Path(__file__).resolve().parents[1]  # of a checkout
OPTION, MARKER = "--manifests", "ports"


class ManifestItem(pytest.Item):
    """One file, judged together with those that it belongs to."""

    findings: tuple[Diagnostic, ...] = ()
    least: Severity

    def runtest(self) -> None:
        """Fail if something was found that fails a run; a note is a section of the report."""
        from raymesh.lint.formats import as_lines  # noqa: PLC0415 - only where manifests are linted

        failing = [finding for finding in self.findings if finding.severity >= self.least]
        others = [finding for finding in self.findings if finding.severity < self.least]
        if others:
            self.add_report_section("call", "notes", "\n".join(as_lines(others)))
        if failing:
            pytest.fail("\n".join(as_lines(failing)), pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """What pytest prints as the place."""
        return self.path, None, self.name


class Manifests(pytest.Collector):
    """All manifests below the paths that were given."""

    def __init__(self, *, paths: list[str], **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]  # pytest's collectors take what from_parent gives
        self.paths = paths

    def collect(self) -> Iterator[ManifestItem]:
        """One item a file. Raises UsageError where a path or a configuration is wrong."""
        from raymesh.lint.project import Given, projects  # noqa: PLC0415 - only where manifests are linted

        missing = [path for path in self.paths if not Path(path).exists()]
        if missing:
            raise UsageError(f"{OPTION}={missing[0]}: no such file or folder")
        seen = False
        for project in projects(Given(paths=tuple(self.paths))):
            report = project.lint()
            for path in sorted({*report.sources, *(f.place.path for f in report.findings)}):
                item: ManifestItem = ManifestItem.from_parent(self, name=path)
                item.findings = tuple(f for f in report.findings if f.place.path == path)
                item.least = project.least_failing(None)
                item.add_marker(MARKER)
                seen = True
                yield item
        if not seen:
            raise UsageError(f"{OPTION}={self.paths[0]}: no manifest in it")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--manifests`."""
    group = parser.getgroup("raymesh", "raymesh: Ray in an Istio mesh")
    group.addoption(
        OPTION, action="append", default=[], metavar="PATH", help="lint the Ray manifests of a file or folder"
    )


def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Say what is wrong where pytest has taken the folder after an option of the suite's for the place of its tests.

    It guesses that place before it has read conftest.py, which alone knows those options.
    """
    here = early_config.invocation_params.dir
    if here == ROOT and early_config.rootpath != ROOT:
        guessed = next((f"{name}={value}" for name, value in pairwise(args) if _taken_for_tests(name, value)), "")
        raise pytest.UsageError(
            f"pytest looks for tests in {early_config.rootpath}, not here. A folder elsewhere is given to an option "
            f"with an equals sign: {guessed or '--option=PATH'}"
        )


def _taken_for_tests(name: str, value: str) -> bool:
    return name.startswith("--") and "=" not in name and not value.startswith("-") and Path(value).exists()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of the items."""
    config.addinivalue_line("markers", f"{MARKER}: lints manifests or audits real Ray processes; no cluster")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the manifests to what was collected from Python files."""
    paths: list[str] = config.getoption(OPTION)
    if paths:
        try:
            items.extend(Manifests.from_parent(session, name="manifests", paths=paths).collect())
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
