"""Options, header and hooks. Fixtures live in fixtures/, and what they do in raymesh/."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.expression import Expression  # nothing public says what -m selects

from fixtures.run import JUNIT, RUN, Run
from raymesh import deadlines, stopping
from raymesh.commands import exits
from raymesh.errors import ClusterGone, EnvironmentFault, RaymeshError, UsageError
from raymesh.proof.asking import looks_left, may_be_done
from raymesh.settings import OPTIONS, Option, Settings, load_settings
from raymesh.subject import placing
from raymesh.subject.wanted import Around, read, wanted_of
from raymesh.traffic import TrafficFailed

pytest_plugins = (
    "fixtures.session",
    "fixtures.platform",
    "fixtures.mesh",
    "fixtures.raycluster",
    "fixtures.ray_audit",
    "raymesh.pytest_plugin",
)

TESTS = Path(__file__).parent / "tests"
FOLDERS = {"unit": "", "report": "report"}  # of tests, by the mark that all in them carry
ON_A_CLUSTER = ("e2e", "faults")
NOTHING_LEFT_OUT = "RAYMESH_NOTHING_LEFT_OUT"  # set where every test has to run: .ci/run
ORDER = ("starts", "", "beside", "waits", "breaks", "last")  # by mark; those without one come second


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("raymesh", "raymesh: Ray in an Istio mesh, proven (-m e2e)")
    for option in OPTIONS:
        group.addoption(
            option.flag,
            dest=option.destination,
            default=None,
            **_taken(option),
            help=f"{option.help} (default: {option.default}; environment: {option.variable})",
        )


def _taken(option: Option) -> dict[str, Any]:
    """Return how the command line takes an option's value."""
    if option.switch:
        return {"action": "store_const", "const": "yes"}
    return {"metavar": option.metavar, **({"action": "append"} if option.repeated else {})}


def _joined(value: str | list[str] | None) -> str | None:
    return ",".join(value) if isinstance(value, list) else value


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    destinations = {option.name: option.destination for option in OPTIONS}
    try:
        settings = load_settings(lambda name: _joined(config.getoption(destinations[name])))
        deadlines.scale_by(settings.timeout_factor)
        run = config.stash[RUN] = Run(settings, **_subject(config, settings))
    except UsageError as error:
        pytest.exit(str(error), exits.of(error))
    if any(_selects(config, mark) for mark in ON_A_CLUSTER) and not config.getoption("collectonly"):
        stopping.on_signals()  # whoever ends a run politely gets a clean machine
        try:
            run.open()
        except (EnvironmentFault, UsageError) as error:
            pytest.exit(str(error), exits.of(error))
        config.pluginmanager.register(Beside(run))
        if not config.getoption("xmlpath"):
            config.option.xmlpath = str(run.artifacts.claim(JUNIT))


def _subject(config: pytest.Config, settings: Settings) -> dict[str, Any]:
    """Read the manifests of --subject, and their kind, and refuse what is none, before anything is made for them.

    pytest has put its own standard input in the place of ours by now; it does so again before the first test.
    """
    if not settings.subject:
        return {}
    config.pluginmanager.getplugin("capturemanager").suspend_global_capture(in_=True)
    texts = read(settings.subject)
    found = wanted_of(texts, Around())
    if not settings.context:
        placing.refuse_what_takes_no_sidecar(found)
    return {"texts": texts, "kind": found.subject.kind}


def _selects(config: pytest.Config, mark: str) -> bool:
    """Whether the expression behind -m takes a test that carries just this mark."""
    written = config.getoption("markexpr")

    def carries(name: str, /, **_: str | int | bool | None) -> bool:
        return name == mark

    return bool(written) and Expression.compile(written).evaluate(carries)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out folders of which -m takes no test: unit tests by the thousand, and what takes a browser's libraries."""
    mark = FOLDERS.get(collection_path.relative_to(TESTS).as_posix()) if TESTS in collection_path.parents else None
    return True if mark is not None and config.getoption("markexpr") and not _selects(config, mark) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long starts first; what breaks comes after what must not be broken, whatever its file is called.

    What is not asked for is left out: the record has a reason for each verdict of such a test.
    """
    run = config.stash[RUN]
    left = looks_left(run.unasked) | may_be_done(run.settings)
    out = [item for item in items if (mark := item.get_closest_marker("asks")) and not left.intersection(mark.args)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]

    def place(item: pytest.Item) -> int:
        mark = next((mark for mark in ORDER if mark and item.get_closest_marker(mark)), "")
        return ORDER.index(mark)

    items.sort(key=place)


class Beside:
    """Takes the run's own lines off the terminal while pytest writes to it."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logstart(self) -> Generator[None, object, object]:
        with self._run.progress.hidden():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self) -> Generator[None, object, object]:
        with self._run.progress.hidden():
            return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUN in config.stash:
        config.stash[RUN].close()


def pytest_report_header(config: pytest.Config) -> str:
    settings = config.stash[RUN].settings
    lane = settings.lane
    if settings.context:
        what = "/".join(settings.running) if settings.running else ", ".join(settings.subject)
        return f"raymesh: {what} on the cluster of context {settings.context}, in which nothing is installed"
    return (
        f"raymesh: lane {lane.name} (Kubernetes {lane.kubernetes}, Istio {lane.istio}, KubeRay {lane.kuberay}, "
        f"Ray {lane.ray}), image source {settings.image_source}"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(NOTHING_LEFT_OUT):
        report.outcome = "failed"
        report.longrepr = f"{NOTHING_LEFT_OUT} is set, and this left itself out: {report.longrepr}"
    run = item.config.stash[RUN]
    if report.failed and any(item.get_closest_marker(mark) for mark in ON_A_CLUSTER):
        _explain(item, call, report, run)
    if call.when == "teardown":
        run.keep()  # whatever becomes of the rest
    return report


def _explain(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, run: Run) -> None:
    """Say why a test failed: in the terminal, in the record, and by what the cluster looks like now."""
    if call.excinfo and isinstance(call.excinfo.value, RaymeshError):
        # Such an error says cause and cure by itself; a traceback would bury it.
        report.longrepr = f"{call.excinfo.typename}: {call.excinfo.value}"
        # Whatever comes next stands on the same ground. But where Ray does not work, the witnesses are to say why.
        ground = call.when == "setup" and not isinstance(call.excinfo.value, TrafficFailed)
        if ground or isinstance(call.excinfo.value, ClusterGone):
            item.session.shouldstop = f"{item.name} can't be set up" if ground else "the cluster is gone"
            run.stopped_by = call.excinfo.value
    run.builder.failure(item.name, call.when, call.excinfo.exconly() if call.excinfo else report.longreprtext)
    folder = run.bundle(item.name)
    if folder:  # taken while everything still stands
        report.sections.append(("evidence", str(folder)))
        item.user_properties.append(("evidence", str(folder)))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    run = session.config.stash[RUN]
    run.finish(exitstatus, stopped_itself=bool(session.shouldstop))
    if run.opened:
        session.exitstatus = run.code(exitstatus)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    text = config.stash[RUN].summary
    if text:
        terminalreporter.section("raymesh")
        terminalreporter.write_line(text)
