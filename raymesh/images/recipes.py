"""The recipes of image source `build` (images/recipes.yaml) as typed data."""

from __future__ import annotations

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


@dataclass(frozen=True)
class GoFamily:
    """Programs that share a go.mod: images/NAME."""

    name: str
    minutes: float
    package: str = "tool"
    tags: str = ""
    ldflags: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

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

    def reference(self, lane: Lane) -> str:
        """Return the image's name: never upstream's, for it is not upstream's build."""
        return f"{REPOSITORY}/{self.name}:{fill(self.tag, lane)}"


@dataclass(frozen=True)
class Recipes:
    """All of images/recipes.yaml."""

    go: Mapping[str, GoFamily]
    roots: Mapping[str, Root]
    images: Mapping[str, Recipe]


def fill(template: str, lane: Lane) -> str:
    """Put the lane's versions into a template such as "v{kubernetes}"; {python_tag} is one such as "py311"."""
    versions = asdict(lane)
    major, minor, *_ = lane.kubernetes.split(".")
    python_tag = "py" + lane.python.replace(".", "")
    return template.format(**versions, kubernetes_major=major, kubernetes_minor=minor, python_tag=python_tag)


def load_recipes(path: Path = FOLDER / "recipes.yaml") -> Recipes:
    """Read the recipes. Raises UsageError on a key that is not known or missing."""
    data: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(path.read_text())
    try:
        return Recipes(
            go={name: GoFamily(name=name, **row) for name, row in data["go"].items()},
            roots={
                name: Root(name, row["suite"], tuple(sorted(row["packages"]))) for name, row in data["roots"].items()
            },
            images={name: _image(name, row) for name, row in data["images"].items()},
        )
    except (TypeError, KeyError) as error:
        raise UsageError(f"{path}: {error}") from error


def _image(name: str, row: Mapping[str, Any]) -> Recipe:
    rest = dict(row)
    files = rest.pop("files", None)
    return Recipe(
        name=name,
        recipe=rest.pop("recipe", name),
        root=rest.pop("from", None),
        files=Files(**files) if files else None,
        bin={family: tuple(programs) for family, programs in rest.pop("bin", {}).items()},
        debs={suite: tuple(packages) for suite, packages in rest.pop("debs", {}).items()},
        **rest,
    )
