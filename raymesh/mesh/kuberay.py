"""The KubeRay operator, from the kustomize configuration of its own module."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from raymesh.machine.programs import run
from raymesh.manifests.patching import Doc, dump, parse, patched, pod_templates
from raymesh.mesh.running import versions
from raymesh.platform.kube import Kube
from raymesh.witness.pods import SIDECAR, Pod

NAMESPACE = "ray-system"
SELECTOR = "app.kubernetes.io/name=kuberay"
INIT_CONTAINER_OFF = {"name": "ENABLE_INIT_CONTAINER_INJECTION", "value": "false"}


def docs(kubectl: Path, module: Path, image: str) -> list[Doc]:
    """Return the operator's manifests with `image`, and without the init container that STRICT mode would starve.

    `module` is the folder of github.com/ray-project/kuberay/ray-operator.
    """
    found = in_own_namespace(_rendered(kubectl, module / "config" / "default"))
    for doc in found:
        if doc["kind"] != "Deployment":
            continue
        for template in pod_templates(doc):
            for container in template["spec"]["containers"]:
                container["image"] = image
                container.setdefault("env", []).append(INIT_CONTAINER_OFF)
    return found


def in_mesh(doc: Doc) -> Doc:
    """Return an object of the operator's, whose pods get a sidecar."""
    if doc["kind"] != "Deployment":
        return doc
    label = {"metadata": {"labels": {"sidecar.istio.io/inject": "true"}}}
    return patched(doc, {"spec": {"template": label}})


def in_own_namespace(found: list[Doc]) -> list[Doc]:
    """Return the documents with the Namespace that they are in, if none of them is it (KubeRay from 1.3 on)."""
    if any(doc["kind"] == "Namespace" for doc in found):
        return found
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, *found]


def _rendered(kubectl: Path, base: Path) -> list[Doc]:
    """Let kustomize put the operator into a namespace of its own.

    From 1.3 on its own configuration says `default`, where Ray's pods match its selector, too.
    """
    with tempfile.TemporaryDirectory() as folder:
        overlay = Path(folder).resolve()
        # A relative path: kustomize takes no other for a base.
        named = os.path.relpath(base.resolve(), overlay)
        (overlay / "kustomization.yaml").write_text(dump([{"namespace": NAMESPACE, "resources": [named]}]))
        return parse(run([kubectl, "kustomize", overlay], timeout=60).stdout)


def install(kube: Kube, manifests: list[Doc], *, within: float) -> None:
    """Apply the operator and wait until it is Ready."""
    # The CRDs of RayJob and RayService are larger than the annotation that a client-side apply would write.
    kube.apply(manifests, server_side=True)
    kube.wait_ready(NAMESPACE, SELECTOR, count=1, within=within)


def version(kube: Kube) -> str:
    """Return the version of the operator that runs: its image's tag, for the program reports none of its own."""

    def ask(pod: Pod) -> str:
        return next(one.image.rpartition(":")[2] for one in pod.containers if one.name != SIDECAR)

    return versions(kube, NAMESPACE, SELECTOR, ask)
