"""What a run is made of, as CycloneDX 1.5 has it: images, Go modules, wheels, Debian packages, this environment."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Literal

from raymesh.images import registry
from raymesh.images.recipes import GoFamily, Recipes, fill, load_recipes
from raymesh.lane import Lane
from raymesh.machine.toolbox import packages_there
from raymesh.paths import in_tree

Component = dict[str, Any]
REQUIRED = re.compile(r"^(?:require )?\t?(?P<module>\S+\.\S+) (?P<version>v\S+)", re.MULTILINE)
SUM = re.compile(r"^(?P<module>\S+) (?P<version>\S+) h1:(?P<sum>\S+)$", re.MULTILINE)
WHEEL = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)(?P<rest>(?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE
)
SHA256 = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill(lane: Lane, source: Literal["pull", "build"]) -> dict[str, Any]:
    """Return the document for a run of `lane` whose images are pulled, or made here. It has no time and no number of
    its own: the same inputs give the same text.
    """
    served = lane if source == "pull" else lane.as_built()
    recipes = load_recipes(served)
    found = list(_pulled(served) if source == "pull" else _built(served, recipes))
    found += [_module(*row, families="kuberay") for row in _modules(recipes.go["kuberay"])] if source == "pull" else []
    found += [*_debian(packages_there(), "tools of this machine"), *_environment()]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": f"raymesh lane {lane.name}, images: {source}"}},
        "components": sorted(_merged(found), key=lambda one: str(one["bom-ref"])),
    }


def _merged(found: list[Component]) -> Iterator[Component]:
    """Yield each component once, with all that it is part of."""
    by_reference: dict[str, Component] = {}
    for one in found:
        known = by_reference.setdefault(one["bom-ref"], one)
        known["properties"] += [p for p in one["properties"] if p not in known["properties"]]
    yield from by_reference.values()


def _pulled(lane: Lane) -> Iterator[Component]:
    for role, image in registry.published(lane).items():
        name, _, digest = image.partition("@")
        path, _, tag = name.rpartition(":")
        hashes = [{"alg": "SHA-256", "content": digest.removeprefix("sha256:")}] if digest else []
        where = f"pkg:oci/{path.rpartition('/')[2]}@{digest.replace(':', '%3A') or tag}?repository_url={path}&tag={tag}"
        yield _component("container", path, tag, where, role, hashes)


def _built(lane: Lane, recipes: Recipes) -> Iterator[Component]:
    for recipe in recipes.images.values():
        name, _, tag = recipe.reference(lane).rpartition(":")
        yield _component("container", name, tag, f"pkg:oci/{recipe.name}@{tag}?repository_url={name}", "made here")
        if recipe.wheels:
            yield from _wheels(in_tree(fill(recipe.wheels, lane)), recipe.name)
        for names in recipe.debs.values():
            yield from _debian({(name, "") for name in names}, recipe.name)
    for name in sorted({family for recipe in recipes.images.values() for family in recipe.bin}):
        for row in _modules(recipes.go[name]):
            yield _module(*row, families=name)
    for root in recipes.roots.values():
        yield from _debian({(name, "") for name in root.packages}, f"root {root.name}")


def _modules(family: GoFamily) -> Iterator[tuple[str, str, str]]:
    """Yield module, version and SHA-256 (hex) of the module's tree, as go.sum pins it."""
    pinned = (
        {
            (row["module"], row["version"]): base64.b64decode(row["sum"]).hex()
            for row in SUM.finditer((family.folder / "go.sum").read_text())
        }
        if (family.folder / "go.sum").exists()
        else {}
    )
    for row in REQUIRED.finditer((family.folder / "go.mod").read_text()):
        yield row["module"], row["version"], pinned.get((row["module"], row["version"]), "")


def _module(module: str, version: str, digest: str, *, families: str) -> Component:
    found = _component("library", module, version, f"pkg:golang/{module}@{version}", f"go {families}")
    if digest:  # of the tree's file list (dirhash h1), not of an archive: a property, as "hashes" would say archive
        found["properties"].append({"name": "go:h1:sha256", "value": digest})
    return found


def _wheels(requirements: Path, part: str) -> Iterator[Component]:
    for row in WHEEL.finditer(requirements.read_text()):
        hashes = [{"alg": "SHA-256", "content": digest} for digest in SHA256.findall(row["rest"])]
        where = f"pkg:pypi/{row['name'].lower()}@{row['version']}"
        yield _component("library", row["name"], row["version"], where, part, hashes)


def _debian(packages: set[tuple[str, str]], part: str) -> Iterator[Component]:
    """Yield packages. One without a version is what the mirror's signed lists name as newest when it is fetched."""
    for name, version in sorted(packages):
        where = f"pkg:deb/debian/{name}" + (f"@{version}" if version else "")
        yield _component("library", name, version, where, part)


def _environment() -> Iterator[Component]:
    for found in distributions():
        name, version = found.metadata["Name"], found.version
        yield _component("library", name, version, f"pkg:pypi/{name.lower()}@{version}", "environment of raymesh")


def _component(
    kind: str, name: str, version: str, where: str, part: str, hashes: list[dict[str, str]] | None = None
) -> Component:
    found: Component = {"type": kind, "name": name, "bom-ref": where, "purl": where}
    found |= {"version": version} if version else {}
    found |= {"hashes": hashes} if hashes else {}
    return found | {"properties": [{"name": "raymesh:part", "value": part}]}
