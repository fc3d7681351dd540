"""MkDocs' hooks: the site is docs/, what else of the tree is for readers, and a reference made from the code.

A link that leads out of the site, to a file of the tree, becomes that file's path: the site knows no address of a tree.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from raymesh.commands.main import COMMANDS, Group  # noqa: E402 - the tree is on the path only now
from raymesh.lane import LANES_FILE  # noqa: E402
from raymesh.settings import OPTIONS  # noqa: E402

OF_THE_TREE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
RULES = "raymesh/lint/pages"
SCHEMA = "raymesh/evidence/record.schema.json"
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
NAMED = re.compile(r"`docs/([\w/-]+\.md)`")
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
EXIT_CODE = re.compile(r"^([A-Z]+) = (\d+)  # (.+)$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put in what does not lie in docs/; its index of pages is the README's business here."""
    files.remove(files.src_uris["README.md"])
    pages = {target: (ROOT / name).read_text() for name, target in OF_THE_TREE.items()}
    pages |= {f"rules/{path.name}": path.read_text() for path in sorted((ROOT / RULES).glob("*.md"))}
    pages |= {"options.md": options(), "exit-codes.md": exit_codes(), "record.md": record()}
    for uri, text in pages.items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Let every link lead to a page of the site, or be a path, and every page that is named be a link."""
    uri = page.file.src_uri
    return "".join(
        part if FENCED.fullmatch(part) else named(LINK.sub(lambda m: led(m, uri), part), uri)
        for part in FENCED.split(markdown)
    )


def named(text: str, uri: str) -> str:
    here = posixpath.dirname(uri) or "."
    return NAMED.sub(lambda m: f"[{m[1].removesuffix('.md')}]({posixpath.relpath(m[1], here)})", text)


def led(found: re.Match[str], uri: str) -> str:
    mark, text, target = found.groups()
    if re.match(r"[a-z]+:|#", target):
        return found[0]
    path, _, anchor = target.partition("#")
    here = posixpath.dirname(in_the_tree(uri))
    meant = posixpath.normpath(posixpath.join(here, path))
    there = in_the_site(meant)
    if there is None:
        return f"{text} (`{meant}`)" if meant.strip("/") not in text else text
    back = posixpath.relpath(there, posixpath.dirname(uri) or ".")
    return f"{mark}[{text}]({back}{'#' + anchor if anchor else ''})"


def in_the_tree(uri: str) -> str:
    """Return where a page of the site lies in the tree."""
    for name, target in OF_THE_TREE.items():
        if uri == target:
            return name
    return f"{RULES}/{uri.removeprefix('rules/')}" if uri.startswith("rules/") else f"docs/{uri}"


def in_the_site(path: str) -> str | None:
    """Return where a file of the tree lies in the site; None where it is not there."""
    if path == "docs/README.md":
        return "index.md"
    if path in OF_THE_TREE:
        return OF_THE_TREE[path]
    if path.startswith(f"{RULES}/"):
        return f"rules/{path.removeprefix(RULES + '/')}"
    return path.removeprefix("docs/") if path.startswith("docs/") else None


def options() -> str:
    """Return the page of a run's options, and of the commands."""
    rows = [
        (f"`{option.flag}`", f"`{option.variable}`", f"`{option.default}`" if option.default else "none", option.help)
        for option in OPTIONS
    ]
    commands = [
        (f"`raymesh {name} {below}`".replace(" `", "`"), command.help)
        for name, group in COMMANDS.items()
        for below, command in (group.commands if isinstance(group, Group) else {"": group}).items()
    ]
    return (
        "# Options and commands\n\nMade from the code. The command line wins over the environment.\n\n"
        '## Of a run\n\n`raymesh prove`, `make e2e ARGS="..."` and `pytest -m e2e` take the same.\n\n'
        + table(("option", "environment", "default", "what"), rows)
        + "\n## Commands\n\n`raymesh COMMAND --help` has the options of each.\n\n"
        + table(("command", "what"), commands)
        + f"\nLanes are the rows of `{LANES_FILE.relative_to(ROOT)}`.\n"
    )


def exit_codes() -> str:
    """Return the page of exit codes."""
    found = EXIT_CODE.findall((ROOT / "raymesh/commands/exits.py").read_text())
    assert found, "raymesh/commands/exits.py has another form"
    return "# Exit codes\n\nMade from the code. `raymesh prove` becomes pytest, and ends as pytest does.\n\n" + table(
        ("code", "name", "what"), [(code, f"`{name}`", what) for name, code, what in found]
    )


def record() -> str:
    """Return the page of the record's schema, a table for each kind of object."""
    schema = json.loads((ROOT / SCHEMA).read_text())
    kinds = {"The record": schema, **schema["$defs"]}
    parts = [
        f"# The record\n\n{schema['description']} Made from `{SCHEMA}`, version "
        f"{schema['properties']['schema']['const']}, which every record is checked against.\n"
    ]
    for name, kind in kinds.items():
        if "properties" not in kind:
            parts.append(f"## {name}\n\n{kind.get('description', '')} {shape(kind)}\n")
            continue
        needed = set(kind.get("required", ()))
        rows = [
            (f"`{key}`", shape(value), "yes" if key in needed else "", value.get("description", ""))
            for key, value in kind["properties"].items()
        ]
        about = f"{kind['description']}\n\n" if name != "The record" and "description" in kind else ""
        parts.append(f"## {name}\n\n{about}" + table(("field", "form", "always", "what"), rows))
    return "\n".join(parts)


def shape(kind: dict[str, Any]) -> str:
    """Say in a few words what a value of this schema looks like."""
    if "$ref" in kind:
        name = kind["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if values := kind.get("enum", [kind["const"]] if "const" in kind else []):
        return " or ".join(f"`{json.dumps(value)}`" for value in values)
    if many := kind.get("oneOf", kind.get("anyOf", [])):
        return " or ".join(shape(one) for one in many)
    if kind.get("type") == "array":
        return f"list of {shape(kind['items'])}" if "items" in kind else "list"
    if isinstance(kind.get("additionalProperties"), dict):
        return f"names with {shape(kind['additionalProperties'])}"
    return str(kind.get("type", "anything"))


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table; a bar in a cell would begin another."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
