"""`raymesh ports lint`: the command line of the linter."""

from __future__ import annotations

import argparse
import sys

from raymesh.errors import UsageError
from raymesh.lint.config import Config, load_config
from raymesh.lint.diagnostics import Severity
from raymesh.lint.fixing import fix_texts
from raymesh.lint.formats import FORMATS
from raymesh.lint.registry import all_rules
from raymesh.lint.run import Report, lint_paths
from raymesh.manifests.reading import STDIN
from raymesh.manifests.relating import Options
from raymesh.manifests.writing import as_diff, replace_files
from raymesh.ports.versions import parse_version

CLEAN, FOUND, UNREADABLE = 0, 1, 2
EXAMPLES = """\
examples:
  raymesh ports lint manifests/                   every YAML and JSON file below a folder
  kustomize build . | raymesh ports lint -        what a tool prints
  helm template mine | raymesh ports lint - --mesh
  raymesh ports lint cluster.yaml service.yaml    files that belong together go together
  raymesh ports lint manifests/ --fix             cure what can be cured, then say what is left
  raymesh ports lint manifests/ --diff            what --fix would change
  raymesh ports lint manifests/ --format sarif > ports.sarif
  raymesh ports lint manifests/ --disable 'RM027=traces are not collected here'

A cluster is held to the rules of a mesh only if the input says that it is in one: a headless Service for its nodes,
a node-ip-address that is a Service name, sidecar labels, an injected Namespace, a PeerAuthentication; or --mesh.

exit codes: 0 clean, 1 findings at or above --fail-on, 2 something could not be read
"""


HELP = "check manifests against the ports that Ray opens"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("paths", nargs="+", metavar="FILE|DIR|-", help="manifests; - is standard input")
    parser.add_argument("--fix", action="store_true", help="write what can be cured safely back to the files")
    parser.add_argument("--diff", action="store_true", help="print what --fix would change, and change nothing")
    parser.add_argument("--format", choices=sorted(FORMATS), default="text", help="how to print (text)")
    parser.add_argument("--fail-on", choices=[str(s) for s in Severity], help="least severity that fails (warning)")
    parser.add_argument("--mesh", action="store_true", default=None, help="hold every cluster to the rules of a mesh")
    parser.add_argument("--ray", metavar="VERSION", help="for clusters that don't say their Ray version")
    parser.add_argument("--istio", metavar="VERSION", help="Istio that runs there, for rules that depend on it")
    parser.add_argument("--kubernetes", metavar="VERSION", help="Kubernetes that runs there, likewise")
    parser.add_argument("--disable", action="append", default=[], metavar="RULE=REASON", help="switch a rule off")
    parser.add_argument("--config", metavar="FILE", help="TOML file instead of [tool.raymesh.lint] in pyproject.toml")


def run(arguments: argparse.Namespace) -> int:
    """Lint, print, and return the exit code."""
    config = load_config(arguments.config)
    options = _options(arguments, config)
    disabled = {**config.disabled, **dict(_disabled(text) for text in arguments.disable)}
    if arguments.fix and STDIN in arguments.paths:
        raise UsageError("--fix writes files: it can't change standard input")
    if arguments.fix and arguments.diff:
        raise UsageError("--fix changes the files, --diff only says how: one of them")
    report = lint_paths(arguments.paths, options, disabled)
    if arguments.diff:
        wanted = fix_texts(report.sources, options, tuple(disabled)).sources
        print(as_diff(report.sources, wanted), end="")
        return _code(report, arguments, config)
    if arguments.fix:
        report = _fix(report, options, tuple(disabled))
    colour = arguments.format == "text" and sys.stdout.isatty()
    printed = FORMATS[arguments.format](report, colour)
    if printed:
        print(printed)
    return _code(report, arguments, config)


def _code(report: Report, arguments: argparse.Namespace, config: Config) -> int:
    if report.unreadable:
        return UNREADABLE
    least = _severity(arguments.fail_on or config.values.get("fail-on", "warning"))
    return FOUND if any(f.severity >= least for f in report.findings) else CLEAN


def _fix(before: Report, options: Options, disabled: tuple[str, ...]) -> Report:
    after = fix_texts(before.sources, options, disabled)
    replace_files(before.sources, after.sources)
    missing = [f for f in before.unreadable if f.place.path not in before.sources]
    after.findings = [*missing, *after.findings]
    return after


def _options(arguments: argparse.Namespace, config: Config) -> Options:
    def given(name: str) -> str | None:
        value = getattr(arguments, name) or config.values.get(name)
        return None if value is None else str(value)

    ray, istio, kubernetes = given("ray"), given("istio"), given("kubernetes")
    return Options(
        mesh=bool(arguments.mesh or config.values.get("mesh", False)),
        ray=parse_version(ray) if ray else None,
        istio=parse_version(istio)[:2] if istio else None,
        kubernetes=parse_version(kubernetes)[:2] if kubernetes else None,
        widest=_widest(config),
    )


def _widest(config: Config) -> int:
    told = config.values.get("widest-worker-range", Options.widest)
    if not isinstance(told, int):
        raise UsageError(f"widest-worker-range {told!r}: a whole number")
    return told


def _disabled(text: str) -> tuple[str, str]:
    rule, _, reason = text.partition("=")
    if rule not in all_rules():
        raise UsageError(f"--disable {text!r}: no such rule")
    if not reason.strip():
        raise UsageError(f"--disable {text!r}: a reason is needed: --disable '{rule}=why'")
    return rule, reason


def _severity(word: str) -> Severity:
    for severity in Severity:
        if str(severity) == word:
            return severity
    raise UsageError(f"fail-on {word!r}: one of {', '.join(str(s) for s in Severity)}")
