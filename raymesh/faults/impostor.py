"""A deliberate break: a pod that is nothing of what a Ray pod in the mesh has to be."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from raymesh.manifests.patching import load, with_images
from raymesh.platform.kube import Kube


@contextlib.contextmanager
def impostor(kube: Kube, images: dict[str, str]) -> Iterator[str]:
    """Yield the name of a pod that has no sidecar, waits for the GCS, is not Ready and turns Ray's own TLS on."""
    [pod] = with_images(load("probes/impostor.yaml"), images)
    try:
        kube.apply([pod])
        yield pod["metadata"]["name"]
    finally:
        kube.delete([pod])
