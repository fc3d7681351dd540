"""Options, header and hooks. Fixtures live in fixtures/, and what they do in raymesh/."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from fixtures.run import RUN, Run
from raymesh import stopping
from raymesh.errors import EnvironmentFault, RaymeshError, UsageError
from raymesh.settings import OPTIONS, load_settings

pytest_plugins = (
    "fixtures.session",
    "fixtures.platform",
    "fixtures.mesh",
    "fixtures.raycluster",
    "fixtures.witnesses",
    "fixtures.ray_audit",
    "raymesh.pytest_plugin",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("raymesh", "raymesh: Ray in an Istio mesh, proven (-m e2e)")
    for option in OPTIONS:
        group.addoption(
            option.flag,
            dest=option.destination,
            default=None,
            metavar=option.metavar,
            help=f"{option.help} (default: {option.default}; environment: {option.variable})",
        )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    destinations = {option.name: option.destination for option in OPTIONS}
    try:
        settings = load_settings(lambda name: config.getoption(destinations[name]))
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    run = Run(settings)
    config.stash[RUN] = run
    selected = config.getoption("markexpr")
    if "e2e" in selected and "not e2e" not in selected and not config.getoption("collectonly"):
        stopping.on_signals()  # whoever ends a run politely gets a clean machine
        try:
            run.open()
        except (EnvironmentFault, UsageError) as error:
            raise pytest.UsageError(str(error)) from None
        if not config.getoption("xmlpath"):
            config.option.xmlpath = str(settings.artifacts / "junit.xml")


def pytest_report_header(config: pytest.Config) -> str:
    settings = config.stash[RUN].settings
    lane = settings.lane
    return (
        f"raymesh: lane {lane.name} (Kubernetes {lane.kubernetes}, Istio {lane.istio}, KubeRay {lane.kuberay}, "
        f"Ray {lane.ray}), image source {settings.image_source}"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not report.failed or not item.get_closest_marker("e2e"):
        return report
    if call.excinfo and isinstance(call.excinfo.value, RaymeshError):
        # Such an error says cause and cure by itself; a traceback would bury it.
        report.longrepr = f"{call.excinfo.typename}: {call.excinfo.value}"
        if call.when == "setup":  # whatever comes next stands on the same ground
            item.session.shouldstop = f"{item.name} can't be set up"
    folder = item.config.stash[RUN].bundle(item.name)
    if folder:  # taken while everything still stands
        report.sections.append(("evidence", str(folder)))
        item.user_properties.append(("evidence", str(folder)))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    text = config.stash[RUN].report()
    if text:
        terminalreporter.section("raymesh")
        terminalreporter.write_line(text)
