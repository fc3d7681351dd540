"""Istio as the guide installs it, with what this lane's version and proxy need on top."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509

from raymesh.by_version import names_a_collector, needs_sanitize_te
from raymesh.lane import Lane
from raymesh.machine.programs import run
from raymesh.manifests.patching import Doc, dump, load, patched
from raymesh.mesh import stock_envoy
from raymesh.mesh.running import versions
from raymesh.platform.kube import Kube
from raymesh.witness.envoy import HANDSHAKE_STATS
from raymesh.witness.pods import Pod

NAMESPACE = "istio-system"
ISTIOD = "app=istiod"
MONITORING_PORT = 15014
DRAIN_SECONDS = 5
SMALL: Doc = {"resources": {"requests": {"cpu": "10m"}}}


def operator(lane: Lane, images: Mapping[str, str], *, stock_proxy: bool) -> Doc:
    """Return the IstioOperator: the guide's, patched for the lane, with the images of pilot and sidecar."""
    [doc] = load("istio/operator.yaml")
    config = doc["spec"]["meshConfig"]["defaultConfig"]
    if not needs_sanitize_te(lane):
        del config["runtimeValues"]
    # After a change of policy a sidecar goes on with old connections for as long as this, 45 s by default, and then
    # cuts them under Ray's feet: a fault would hit the next one's traffic (docs/findings.md).
    config["drainDuration"] = f"{DRAIN_SECONDS}s"
    # Sidecars leave these out by default, and the witness that reads them would see nothing.
    config["proxyStatsMatcher"] = {"inclusionRegexps": [HANDSHAKE_STATS]}
    if names_a_collector(lane):
        doc["spec"]["meshConfig"]["enableTracing"] = True
        config["tracing"]["zipkin"] = {"address": f"zipkin.{NAMESPACE}:9411"}
    # Istio's defaults ask for more than two cores as soon as a subject has four pods and three knock at it.
    doc = patched(doc, {"spec": {"values": {"pilot": SMALL, "global": {"proxy": SMALL}}}})
    proxy = {"image": images["sidecar"]}
    values = {"pilot": {"image": images["pilot"]}, "global": {"proxy": proxy, "proxy_init": proxy}}
    doc = patched(doc, {"spec": {"values": values}})
    if stock_proxy:
        switches = {"pilot": {"env": stock_envoy.ISTIOD_SWITCHES}, **stock_envoy.OPERATOR_VALUES}
        doc = patched(doc, {"spec": {"values": switches}})
    return doc


def install(kube: Kube, istioctl: Path, operator_doc: Doc, *, within: float) -> None:
    """Install Istio and wait until it is ready. Raises CommandError with istioctl's last lines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "operator.yaml"
        path.write_text(dump([operator_doc]))
        flags = ["-f", str(path), "--readiness-timeout", f"{within:.0f}s"]
        run(
            [istioctl, "install", "--skip-confirmation", *kube.words[1:], *flags],
            timeout=within + 60,
        )


def serve_stock_envoy(kube: Kube, workloads: Mapping[str, str] | None = None) -> None:
    """Give stock sidecars Istio's standard metrics.

    `workloads` names those of service accounts that are not called like them: SPIFFE identity -> workload.
    """
    kube.apply([stock_envoy.envoy_filter(workloads)])


def inject(kube: Kube, namespace: str, told: Mapping[str, str]) -> None:
    """Let every new pod of the namespace get a sidecar, unless labels of its own (`told`) say something of that."""
    labels = told if told.keys() & INJECTION else {"istio-injection": "enabled", **told}
    kube.kubectl("label", "namespace", namespace, *(f"{key}={value}" for key, value in labels.items()), "--overwrite")


INJECTION = frozenset({"istio-injection", "istio.io/rev"})


def version(kube: Kube) -> str:
    """Return the version that istiod reports of itself, of the form VERSION-COMMIT-STATE, without the last two."""

    def ask(pod: Pod) -> str:
        return kube.of_pod(NAMESPACE, pod.name, MONITORING_PORT, "version").strip().rsplit("-", 2)[0]

    return versions(kube, NAMESPACE, ISTIOD, ask)


def peer_authentication(namespace: str, mode: str = "STRICT") -> Doc:
    """Return the guide's PeerAuthentication for a namespace, with `mode` in place of STRICT."""
    [doc] = load("istio/peer-authentication.yaml")
    return patched(doc, {"metadata": {"namespace": namespace}, "spec": {"mtls": {"mode": mode}}})


def roots(kube: Kube, namespace: str) -> frozenset[str]:
    """Return the serial numbers (hexadecimal, lower case) of the mesh's own roots, as istiod hands them out there."""
    words = ("get", "configmap", "istio-ca-root-cert", "-n", namespace, "-o", "jsonpath={.data.root-cert\\.pem}")
    loaded = x509.load_pem_x509_certificates(kube.kubectl(*words).stdout.encode())
    return frozenset(f"{certificate.serial_number:x}" for certificate in loaded)
