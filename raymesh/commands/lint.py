"""`raymesh ports lint`: the command line of the linter."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from raymesh.commands.exits import CLEAN, FOUND, UNREADABLE, USAGE
from raymesh.errors import UsageError
from raymesh.lint.baseline import as_baseline
from raymesh.lint.diagnostics import Severity
from raymesh.lint.formats import FORMATS, as_text
from raymesh.lint.policy import GROUPINGS
from raymesh.lint.project import Given, Project, projects
from raymesh.lint.run import Report
from raymesh.lint.summary import not_checked
from raymesh.manifests.places import shown
from raymesh.manifests.reading import STDIN

EXAMPLES = """\
examples:
  raymesh ports lint                              what the configuration names, else all below this folder
  raymesh ports lint manifests/                   every YAML and JSON file below a folder
  kustomize build overlays/prod | raymesh ports lint - --stdin-name overlays/prod
  helm template charts/mine | raymesh ports lint - --stdin-name charts/mine --mesh
  raymesh ports lint --context prod -n ray        what runs in a cluster, by kubectl
  raymesh ports lint manifests/ --diff            what --fix would change
  raymesh ports lint manifests/ --fix             cure what can be cured, then say what is left
  raymesh ports lint manifests/ --output sarif=ports.sarif --output markdown=summary.md
  raymesh ports lint manifests/ --write-baseline raymesh-baseline.json

If nothing in the input shows a mesh, only rules that hold anywhere run. A mesh is shown by a headless Service for the
nodes, a node-ip-address that is a Service name, sidecar labels, an injected Namespace, a PeerAuthentication; or --mesh.

exit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage, 3 something could not be read
"""


HELP = "check manifests against the ports that Ray opens"
_FINDINGS_ALONE = ("sarif", "github", "gitlab", "junit")  # what was not checked goes to standard error
_ENOUGH_OF_A_NAME = 80
_SEVERITIES = [str(severity) for severity in Severity]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("paths", nargs="*", metavar="FILE|DIR|-", help="manifests; - is standard input")
    source = parser.add_argument_group("what is linted")
    source.add_argument("--context", metavar="NAME", help="lint what runs in the cluster of this kubectl context")
    source.add_argument("-n", "--namespace", metavar="NAME", help="with --context: of this namespace alone")
    source.add_argument("--exclude", action="append", default=[], metavar="GLOB", help="leave files out")
    source.add_argument("--stdin-name", metavar="PATH", help="what stdin is called; a folder: the chart it is made of")
    source.add_argument("--group-by", choices=GROUPINGS, help="which files are judged together (auto)")
    rules = parser.add_argument_group("which rules")
    rules.add_argument("--select", action="append", default=[], metavar="RULES", help="only these: RM027,RM03")
    rules.add_argument(
        "--ignore", action="append", default=[], metavar="RULES", help="not these: RM027,RM03, or 'RM027=why'"
    )
    rules.add_argument("--disable", action="append", default=[], help=argparse.SUPPRESS)  # older, with a reason
    rules.add_argument("--baseline", metavar="FILE", help="findings that are known: not told again")
    rules.add_argument("--write-baseline", metavar="FILE", help="write all findings of now as known")
    rules.add_argument("--config", metavar="FILE", help="instead of the nearest raymesh.toml or pyproject.toml")
    facts = parser.add_argument_group("what raymesh can't see in manifests")
    facts.add_argument("--mesh", action="store_true", default=None, help="hold every cluster to the rules of a mesh")
    facts.add_argument("--ray", metavar="VERSION", help="for clusters that don't say their Ray version")
    facts.add_argument("--istio", metavar="VERSION", help="Istio that runs there, for rules that depend on it")
    facts.add_argument("--kubernetes", metavar="VERSION", help="Kubernetes that runs there, likewise")
    out = parser.add_argument_group("what is done and printed")
    out.add_argument("--fix", action="store_true", help="write what can be cured safely back to the files")
    out.add_argument("--diff", action="store_true", help="print what --fix would change, and change nothing")
    out.add_argument("--format", choices=sorted(FORMATS), default="text", help="how to print (text)")
    out.add_argument("--output", action="append", default=[], metavar="FORMAT=FILE", help="write a file, too")
    out.add_argument("--fail-on", choices=_SEVERITIES, help="least severity that fails (warning)")
    out.add_argument("--show", choices=_SEVERITIES, help="least severity that is printed (note)")
    out.add_argument("--statistics", action="store_true", help="how often each rule found something")
    out.add_argument("-q", "--quiet", action="count", default=0, help="findings alone; twice: nothing")
    out.add_argument("-v", "--verbose", action="count", default=0, help="what was suppressed, and the configuration")


def run(arguments: argparse.Namespace) -> int:
    """Lint, print, and return the exit code."""
    _check(arguments)
    outputs = [_output(text) for text in arguments.output]
    found = list(projects(_given(arguments)))
    report, fails = Report(), False
    for project in found:
        part = _lint(project, arguments)
        least = project.least_failing(arguments.fail_on)
        fails |= any(finding.severity >= least for finding in part.findings)
        if not arguments.write_baseline:
            part.hide_below(project.least_shown(arguments.show))
        report.join(part)
    if not report.sources and not report.unreadable:
        raise UsageError(f"no manifest in {', '.join(arguments.paths) or 'this folder'}: nothing was read")
    if arguments.fix or arguments.diff:
        _change(found, report, arguments)
    if arguments.write_baseline:
        return _write_baseline(arguments.write_baseline, report)
    if not arguments.diff:
        _print(report, found, arguments)
    for form, path in outputs:
        _write(path, FORMATS[form](report))
    return _code(report, arguments.paths, fails)


def _code(report: Report, paths: list[str], fails: bool) -> int:
    if any(path != STDIN and not Path(path).exists() for path in paths):
        return USAGE
    if report.unreadable:
        return UNREADABLE
    return FOUND if fails else CLEAN


def _check(arguments: argparse.Namespace) -> None:
    for path in arguments.paths:
        try:
            Path(path).exists()
        except OSError as error:  # a name that is too long, for one
            raise UsageError(f"{shown(path[:_ENOUGH_OF_A_NAME])}: {error.strerror}") from error
    piped = STDIN in arguments.paths or arguments.context
    if arguments.fix and piped:
        raise UsageError("--fix writes files: it can't change standard input or a cluster")
    if arguments.fix and arguments.diff:
        raise UsageError("--fix changes the files, --diff only says how: one of them")
    if arguments.context and arguments.paths:
        raise UsageError("--context lints a cluster: give no files beside it")
    if arguments.namespace and not arguments.context:
        raise UsageError("--namespace goes with --context")
    if arguments.stdin_name and STDIN not in arguments.paths:
        raise UsageError("--stdin-name goes with `-`, standard input")
    if arguments.statistics and arguments.format != "text":
        raise UsageError("--statistics goes with --format text")
    for option in ("baseline", "config"):
        path = getattr(arguments, option)
        if path and not Path(path).exists():
            cure = f"; --write-baseline {path} makes it" if option == "baseline" else ""
            raise UsageError(f"--{option} {path}: no such file{cure}")


def _given(arguments: argparse.Namespace) -> Given:
    live = None
    if arguments.context:
        from raymesh.commands.live import read_cluster  # noqa: PLC0415 - most runs read files

        live = (f"context {arguments.context}", read_cluster(arguments.context, arguments.namespace))
    return Given(
        paths=tuple(arguments.paths),
        live=live,
        stdin_name=arguments.stdin_name,
        config=arguments.config,
        exclude=tuple(arguments.exclude),
        group_by=arguments.group_by,
        select=tuple(_rules(arguments.select)),
        ignore=dict([*_ignored(arguments.ignore), *map(_disabled, arguments.disable)]),
        baseline=None if arguments.write_baseline else arguments.baseline,
        without_baseline=bool(arguments.write_baseline),
        mesh=arguments.mesh,
        ray=arguments.ray,
        istio=arguments.istio,
        kubernetes=arguments.kubernetes,
    )


def _change(found: list[Project], report: Report, arguments: argparse.Namespace) -> None:
    """Write what was fixed, all files or none, or print how it would differ."""
    from raymesh.manifests.writing import as_diff, replace_files  # noqa: PLC0415 - most runs write nothing

    read = {path: text for project in found for path, text in project.sources.items()}
    if arguments.fix:
        replace_files(read, report.sources)
    else:
        fixed = {path: text for project in found for path, text in project.fix().sources.items()}
        print(as_diff(read, fixed), end="")


def _lint(project: Project, arguments: argparse.Namespace) -> Report:
    if arguments.fix:
        return project.fix()
    report = project.lint()
    if arguments.context:  # lines of what kubectl printed lead nowhere: name the object
        report.findings = [replace(finding, origin=finding.resource) for finding in report.findings]
    return report


def _print(report: Report, found: list[Project], arguments: argparse.Namespace) -> None:
    verbose = arguments.verbose - arguments.quiet
    if verbose > 0:
        for path in dict.fromkeys(project.config.path for project in found):
            print(f"configuration: {path or 'none'}", file=sys.stderr)
    if verbose < -1:
        return
    if arguments.format == "text":
        printed = as_text(report, _colour(), arguments.statistics, verbose)
    else:
        printed = FORMATS[arguments.format](report)
    if printed:
        print(printed)
    if arguments.format in _FINDINGS_ALONE and verbose >= 0:
        print("\n".join(not_checked(report)), end="\n" if not_checked(report) else "", file=sys.stderr)


def _colour() -> bool:
    """Whether to print in colour: as no-color.org and force-color.org say, else if a terminal reads it."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def _write_baseline(path: str, report: Report) -> int:
    _write(path, as_baseline(path, report.findings))
    known = [finding for finding in report.findings if not finding.unreadable]
    print(f"{path}: {len(known)} findings are known from now on", file=sys.stderr)
    return UNREADABLE if report.unreadable else CLEAN


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text if text.endswith("\n") or not text else f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: can't be written: {error.strerror}") from error


def _output(text: str) -> tuple[str, str]:
    form, mark, path = text.partition("=")
    if not mark or path in ("", STDIN) or form not in FORMATS:
        raise UsageError(f"--output {text!r}: FORMAT=FILE, of the formats {', '.join(sorted(FORMATS))}")
    return form, path


def _rules(given: Iterable[str]) -> Iterator[str]:
    for text in given:
        yield from (rule for rule in text.replace(" ", "").split(",") if rule)


def _ignored(given: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in given:
        rule, _, reason = text.partition("=")
        if reason:
            yield rule, reason
        else:
            yield from ((one, "--ignore") for one in _rules([rule]))


def _disabled(text: str) -> tuple[str, str]:
    rule, _, reason = text.partition("=")
    if not reason.strip():
        raise UsageError(f"--disable {text!r}: a reason is needed: --disable '{rule}=why'")
    return rule, reason
