"""The pods that knock: one without a sidecar, one in the mesh, one that holds the mesh's certificate itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from raymesh.manifests.patching import Doc, load, patched, with_images
from raymesh.mesh import absent, fences
from raymesh.platform.kube import Kube
from raymesh.waiting import wait_for
from raymesh.witness.http import Recorder
from raymesh.witness.knock import Certificate, Knocker

MANIFEST = "probes/outsider.yaml"
OUTSIDER, INSIDER, BEARER = "outsider", "insider", "bearer"
PODS = (OUTSIDER, INSIDER, BEARER)
CONTAINER = "probe"

# What pilot-agent writes into OUTPUT_CERTS: istio/istio, security/pkg/nodeagent/util/util.go, OutputKeyCertToDir. In a
# cluster the files may be read by every user of the pod.
FOLDER = "/etc/mesh-certificate"
CERTIFICATE = Certificate(chain=f"{FOLDER}/cert-chain.pem", key=f"{FOLDER}/key.pem")
ROOT = f"{FOLDER}/root-cert.pem"


@dataclass(frozen=True)
class Deployed:
    """The mesh's root certificate as PEM, as the bearer has it, and the NetworkPolicies that let the pods through."""

    root: str
    opened: tuple[str, ...]


def docs(namespace: str, images: Mapping[str, str]) -> list[Doc]:
    """Return the pods and their service accounts, in `namespace`, with images as `images` maps them."""
    there: Doc = {"metadata": {"namespace": namespace}}
    return [patched(doc, there) for doc in with_images(load(MANIFEST), images)]


def deploy(kube: Kube, namespace: str, images: Mapping[str, str], ray: Mapping[str, str], *, within: float) -> Deployed:
    """Start the pods, let through by NetworkPolicies of their own where the namespace has some.

    `ray` are labels of the subject's pods. Raises TerminalState, or WaitTimeout where they do not get Ready or the
    bearer has no certificate within seconds.
    """
    opened = fences.openings(fences.read(kube, namespace), namespace, ray)
    kube.apply([*opened, *docs(namespace, images)])
    stuck = absent.Stuck(kube, namespace)
    kube.wait_ready(namespace, f"app in ({', '.join(PODS)})", count=len(PODS), within=within, hopeless=stuck.why)

    def root() -> str:
        words = ["sh", "-c", f"test -s {CERTIFICATE.chain} && test -r {CERTIFICATE.key} && cat {ROOT}"]
        return kube.exec(BEARER, words, container=CONTAINER, namespace=namespace, check=False).stdout

    pem = wait_for(
        f"the sidecar of {BEARER} writes its certificates to {FOLDER}",
        root,
        until=lambda pem: "BEGIN CERTIFICATE" in pem,
        within=within,
    )
    return Deployed(pem, tuple(doc["metadata"]["name"] for doc in opened))


def remove(kube: Kube, namespace: str, images: Mapping[str, str]) -> None:
    """Remove the pods, their service accounts, and what let them through."""
    kube.delete([*docs(namespace, images), *fences.every(namespace)])


def knocker(kube: Kube, namespace: str, pod: str, record: Recorder) -> Knocker:
    """Return what knocks from one of the pods."""
    return Knocker(pod, partial(_run, kube, namespace, pod), record)


def _run(kube: Kube, namespace: str, pod: str, argv: Sequence[str], stdin: str, within: float) -> str:
    return kube.exec(pod, argv, container=CONTAINER, namespace=namespace, stdin=stdin, timeout=within).stdout
