"""Where a rendered object comes from: the template or the file that Helm or kustomize says it was made of."""

from __future__ import annotations

import posixpath

import yaml

from raymesh.frozen import frozen
from raymesh.manifests.loading import Loader

ANNOTATION = "config.kubernetes.io/origin"  # what kustomize writes with buildMetadata: [originAnnotations]
REMOTE = "//"  # in an origin that lies in another repository


@frozen
class Origin:
    """A path as the tool writes it: Helm's begins with the chart's name, kustomize's with the folder that was built."""

    path: str
    of_chart: bool = False

    def below(self, folder: str) -> str:
        """The path, from the working folder on where `folder` is the chart or kustomization that was rendered."""
        if not folder or REMOTE in self.path:
            return self.path
        path = self.path.partition("/")[2] if self.of_chart else self.path
        return posixpath.normpath(posixpath.join(folder, path))


def kustomize_origin(annotation: str) -> Origin | None:
    """The file that an annotation of kustomize names: `path`, or the kustomization in which a generator is configured.

    What comes from another repository is named as kustomize names it: REPO//PATH?ref=REF.
    """
    try:
        told = yaml.load(annotation, Loader=Loader)  # noqa: S506 - it is a safe loader, of libyaml where there is one
    except yaml.YAMLError:
        return None
    if not isinstance(told, dict):
        return None
    path = told.get("path") or told.get("configuredIn")
    if not isinstance(path, str):
        return None
    if told.get("repo"):
        return Origin(f"{told['repo']}{REMOTE}{path}" + (f"?ref={told['ref']}" if told.get("ref") else ""))
    return Origin(path)
