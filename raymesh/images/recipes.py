"""The recipes of image source `build` (images/recipes.yaml) as typed data, as they are for one lane."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from raymesh.errors import UsageError
from raymesh.lane import Lane
from raymesh.paths import ROOT

FOLDER = ROOT / "images"
REPOSITORY = "localhost/raymesh"
VERSION_FOLDER = re.compile(r"\d")  # begins the name of a folder for one version


@dataclass(frozen=True)
class GoFamily:
    """Programs that share a go.mod: images/NAME/VERSION, or images/NAME where no lane has a version of it."""

    name: str
    minutes: float
    version: str = ""
    package: str = "tool"
    tags: str = ""
    ldflags: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where its go.mod is. Raises UsageError where no modules are pinned for this version."""
        found = FOLDER / self.name / self.version
        if not found.is_dir():
            raise UsageError(
                f"{self.name} {self.version} can't be built here: there is no {found.relative_to(FOLDER.parent)}, "
                f"which would pin its modules; there are: {', '.join(versions_of(self.name)) or 'none'}"
            )
        return found

    def stamps(self, lane: Lane) -> dict[str, str]:
        """Return the symbols that make its programs report their true version."""
        return {symbol: fill(value, lane) for symbol, value in self.ldflags.items()}


@dataclass(frozen=True)
class Root:
    """A Debian file system that mmdebstrap makes."""

    name: str
    suite: str
    packages: tuple[str, ...]


@dataclass(frozen=True)
class Files:
    """Files out of a Go module: path in the module -> name in the build context's files/."""

    family: str
    module: str
    take: Mapping[str, str]


@dataclass(frozen=True)
class Recipe:
    """One image: what goes into its build context, and its name."""

    name: str
    tag: str
    recipe: str
    root: str | None = None
    bin: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    debs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wheels: str | None = None
    files: Files | None = None
    args: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return FOLDER / self.recipe

    def contents(self) -> list[Path]:
        """Return its own files, in order, without what only one version of a Go family or of wheels has."""
        return sorted(
            path
            for path in self.folder.rglob("*")
            if path.is_file() and not VERSION_FOLDER.match(path.relative_to(self.folder).parts[0])
        )

    def reference(self, lane: Lane) -> str:
        """Return the image's name: never upstream's, for it is not upstream's build."""
        return f"{REPOSITORY}/{self.name}:{fill(self.tag, lane)}"


@dataclass(frozen=True)
class Recipes:
    """All of images/recipes.yaml, for one lane."""

    go: Mapping[str, GoFamily]
    roots: Mapping[str, Root]
    images: Mapping[str, Recipe]


def fill(template: str, lane: Lane) -> str:
    """Put the lane's versions into a template such as "v{kubernetes}"; {python_tag} is one such as "py311"."""
    versions = asdict(lane)
    major, minor, *_ = lane.kubernetes.split(".")
    python_tag = "py" + lane.python.replace(".", "")
    return template.format(**versions, kubernetes_major=major, kubernetes_minor=minor, python_tag=python_tag)


def versions_of(name: str) -> list[str]:
    """Return the versions that images/NAME has a folder for, the newest last."""
    found = [path.name for path in (FOLDER / name).glob("*/") if VERSION_FOLDER.match(path.name)]
    return sorted(found, key=lambda version: [int(part) for part in re.findall(r"\d+", version)[:3]])


def load_recipes(lane: Lane, path: Path = FOLDER / "recipes.yaml") -> Recipes:
    """Read the recipes as they are for a lane. Raises UsageError on a key that is not known or missing."""
    data: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(path.read_text())
    try:
        return Recipes(
            go={name: _family(name, row, lane) for name, row in data["go"].items()},
            roots={
                name: Root(name, row["suite"], tuple(sorted(row["packages"]))) for name, row in data["roots"].items()
            },
            images={name: _image(name, row, lane) for name, row in data["images"].items()},
        )
    except (TypeError, KeyError) as error:
        raise UsageError(f"{path}: {error}") from error


def _family(name: str, row: Mapping[str, Any], lane: Lane) -> GoFamily:
    rest = _for_version(name, row, lane)
    return GoFamily(name=name, version=fill(rest.pop("version", ""), lane), **rest)


def _for_version(name: str, row: Mapping[str, Any], lane: Lane) -> dict[str, Any]:
    """Return a row with what is otherwise for the lane's version of that name."""
    rest = dict(row)
    other: Mapping[str, Any] = rest.pop("where", {}).get(lane.versions.get(name), {})
    return {**rest, **other}


def _image(name: str, row: Mapping[str, Any], lane: Lane) -> Recipe:
    rest = _for_version(name, row, lane)
    files = rest.pop("files", None)
    return Recipe(
        name=name,
        recipe=rest.pop("recipe", name),
        root=rest.pop("from", None),
        files=Files(**files) if files else None,
        args={key: fill(value, lane) for key, value in rest.pop("args", {}).items()},
        bin={family: tuple(programs) for family, programs in rest.pop("bin", {}).items()},
        debs={suite: tuple(packages) for suite, packages in rest.pop("debs", {}).items()},
        **rest,
    )
