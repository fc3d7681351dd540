"""The pages of the rules. `python -m raymesh.lint.catalog > raymesh/lint/pages/README.md` writes their index."""

from __future__ import annotations

import re
from pathlib import Path

from raymesh import __version__
from raymesh.lint.diagnostics import UNREADABLE
from raymesh.lint.registry import all_rules

PAGES = Path(__file__).with_name("pages")
PURL = f"pkg:generic/raymesh@{__version__}"
UNREADABLE_TITLE = "could not be read"
HEADER = """\
# Rules of `raymesh ports lint`

Made by `python -m raymesh.lint.catalog`. RM000 stands for what could not be read. *Proof* is the first word of a
page's evidence: *measured* with real Ray, read in *code*, *documented*, *reported* by users, or *inferred*. Examples of
a page are linted beside the cluster `mine`, as `raymesh ports generate --name mine` makes it. *Faults* counts the
faults of `make faults` that do on a cluster what the rule finds; a run's record says which of them turned what red.

| rule | severity | what | proof | faults |
| --- | --- | --- | --- | --- |
| [RM000](RM000.md) | error | could not be read | code |  |
"""


def page(rule: str) -> str:
    """The page of a rule, as Markdown."""
    return (PAGES / f"{rule}.md").read_text(encoding="utf-8")


def lookup(rule: str) -> str:
    """The command that prints the page of a rule: it needs no network."""
    return f"raymesh explain {rule}"


def url(rule: str) -> str:
    """The page of a rule as a package URL (purl): it names the file in this release, and no host that could be gone."""
    return f"{PURL}#raymesh/lint/pages/{rule}.md"


def title(rule: str) -> str:
    """What a rule finds, in a few words."""
    return UNREADABLE_TITLE if rule == UNREADABLE else all_rules()[rule].title


def index() -> str:
    """The page that lists every rule."""
    rows = [
        f"| [{r.id}]({r.id}.md) | {r.severity} | {r.title} | {_proof(r.id)} | {len(faults(r.id)) or ''} |\n"
        for r in all_rules().values()
    ]
    return HEADER + "".join(rows)


def faults(rule: str) -> list[str]:
    """The faults (raymesh/faults) that do on a cluster what the rule finds in a manifest; none where none does."""
    found = re.search(r"^Faults: ([a-z\s,-]+?)$\n\n", page(rule), re.MULTILINE)
    return re.split(r",\s*", found[1]) if found else []


def _proof(rule: str) -> str:
    """The first word of the page's evidence."""
    evidence = page(rule).partition("## Evidence\n")[2]
    return evidence.split(maxsplit=1)[0].rstrip(":").lower()


if __name__ == "__main__":
    print(index(), end="")
