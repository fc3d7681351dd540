"""Which files are judged together: env/dev and env/prod hold the same names, and are two clusters all the same.

`auto`, the default:
1. What a kustomization lists belongs to it, wherever it lies. One that another lists belongs to that one.
2. All other files belong together, unless the same object (kind, namespace, name) stands in two folders. Then these
   folders are environments: the first folders in which their paths differ. Each environment is judged by itself, with
   the files that lie above it.

`directory`: each folder by itself. `kustomization`: as 1, the rest as `directory`. `all`: everything together.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, takewhile
from pathlib import Path, PurePath

from raymesh.lint.policy import GroupBy
from raymesh.manifests.policies import Kustomization
from raymesh.manifests.reading import STDIN
from raymesh.manifests.resources import Identity, Resource
from raymesh.manifests.tree import Value

_SAME_EVERYWHERE = ("Namespace", "Kustomization", "Component", "CustomResourceDefinition")
Folder = tuple[str, ...]


def groups(
    files: Mapping[str, Sequence[Resource]], kustomizations: Iterable[Kustomization], how: GroupBy
) -> list[list[str]]:
    """The files that are judged together, each in one group at least."""
    if how == "all":
        return [list(files)] if files else []
    listed = [] if how == "directory" else _kustomized(files, kustomizations)
    taken = {path for group in listed for path in group}
    left = {path: found for path, found in files.items() if path not in taken}
    return [*listed, *(_environments(left) if how == "auto" else _folders(left))]


def _folders(files: Iterable[str]) -> list[list[str]]:
    by_folder: dict[Folder, list[str]] = defaultdict(list)
    for path in files:
        by_folder[_folder(path)].append(path)
    return list(by_folder.values())


def _kustomized(files: Mapping[str, object], kustomizations: Iterable[Kustomization]) -> list[list[str]]:
    """A group for each kustomization that no other one lists: all that it is built from."""
    by_folder = {posixpath.dirname(_normal(k.doc.path)): k for k in kustomizations}
    by_path = {_normal(path): path for path in files}
    listed = {path for folder, k in by_folder.items() for path in _paths(folder, k.resources)}

    def reach(folder: str, seen: set[str]) -> Iterator[str]:
        if folder in seen or folder not in by_folder:
            return
        seen.add(folder)
        found = by_folder[folder]
        yield found.doc.path
        for path in _paths(folder, (*found.resources, *found.patches)):
            if path in by_path:
                yield by_path[path]
            else:
                yield from reach("" if path == "." else path, seen)

    return [list(dict.fromkeys(reach(folder, set()))) for folder in by_folder if (folder or ".") not in listed]


def _paths(folder: str, values: Iterable[Value]) -> list[str]:
    return [_normal(posixpath.join(folder, value.text)) for value in values]


def _environments(files: Mapping[str, Sequence[Resource]]) -> list[list[str]]:
    holds = {
        path: {r.identity for r in found if r.name and r.kind not in _SAME_EVERYWHERE} for path, found in files.items()
    }
    where: dict[Identity, set[Folder]] = defaultdict(set)
    for path, identities in holds.items():
        folder = _folder(path)
        for identity in identities:
            where[identity].add(folder)
    roots: set[Folder] = set()
    for folders in where.values():
        for one, other in pairwise(sorted(folders)):
            shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
            roots |= {one[: shared + 1], other[: shared + 1]}
    by_root: dict[Folder, list[str]] = defaultdict(list)
    for path in files:
        folder = _folder(path)
        by_root[max((root for root in roots if folder[: len(root)] == root), key=len, default=())].append(path)
    made = []
    for root, own in by_root.items():
        if any(other != root and other[: len(root)] == root for other in by_root):
            continue  # what lies above environments is judged with each of them
        names = {identity for path in own for identity in holds[path]}
        above = [p for r, paths in by_root.items() if r != root and root[: len(r)] == r for p in paths]
        made.append([path for path in above if not names & holds[path]] + own)
    judged = {path for group in made for path in group}
    return [*made, *_folders(path for path in files if path not in judged)]


def _folder(path: str) -> Folder:
    return () if path == STDIN else Path(path).resolve().parent.parts


def _normal(path: str) -> str:
    return posixpath.normpath(PurePath(path).as_posix())
