"""Can it be proven here? One check for each thing that a borrowed cluster has to have, each with its cure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raymesh.errors import CommandError, EnvironmentFault, RaymeshError
from raymesh.mesh import reached
from raymesh.mesh.found import KINDS, Found
from raymesh.platform import rights
from raymesh.platform.kube import Kube
from raymesh.ports.habits import OLDEST_KUBERAY
from raymesh.witness.pods import has_sidecar, parse_pods

OLDEST_ISTIO = (1, 21)
SMALLEST_GIB = 3.0  # a Ray cluster of two nodes with sidecars, and three pods that knock: measured
ALL, NOT_ALL = 100.0, 1.0  # per cent of the calls that are traced; Istio's default


@dataclass(frozen=True)
class Check:
    """What was looked at, whether it will do, what there is, and what to do where it will not."""

    name: str
    ok: bool
    seen: str
    cure: str = ""


@dataclass(frozen=True)
class Asked:
    """What is to be done on the cluster, and what the user said of it."""

    mode: rights.Mode
    namespace: str  # the subject's; empty where it is to be made
    addresses: Mapping[str, str]
    tokens: Mapping[str, Path]
    ca: Path | None
    without: frozenset[str]
    sampling: float  # share of the calls
    enforced: Mapping[str, str] = field(default_factory=dict)  # PodSecurity that namespaces of manifests enforce


def checks(kube: Kube, found: Found, asked: Asked) -> Iterator[Check]:
    """Yield the checks one by one; one that can't be made is not ok, and says why."""
    yield Check("API server", True, f"Kubernetes {found.kubernetes}")
    yield _rights(kube, found, asked)
    yield istio(found)
    yield kuberay(found)
    yield from _witnesses(kube, found, asked)
    yield _try("tracing", lambda: tracing(kube, found, asked))
    yield _try("mTLS", lambda: mtls(kube, found, asked))
    if asked.mode == "look":
        yield _try("sidecars", lambda: _sidecars(kube, asked.namespace))
    else:
        yield Check("injection", bool(found.istio), f"the namespace will be labelled {_labels(found.injection)}")
        yield security(found, asked)
        yield _try("room", lambda: room(kube))


def _try(name: str, check: Any) -> Check:
    try:
        made: Check = check()
    except RaymeshError as error:
        return Check(name, False, str(error).splitlines()[0], "let this be read, or see what the API server says")
    return made


def _rights(kube: Kube, found: Found, asked: Asked) -> Check:
    absent = rights.lacking(kube, asked.mode, asked.namespace or "default", found.namespace)
    seen = rights.told(absent) if absent else f"all that `{asked.mode}` needs"
    return Check("rights", not absent, seen, rights.cure(asked.mode))


def istio(found: Found) -> Check:
    """Return whether there is an Istio that is known."""
    minor = found.istio_minor
    if not found.istio:
        return Check("Istio", False, found.missing.get("istio", "none"), "install Istio with sidecars")
    if minor is None:
        return Check("Istio", True, f"of a version that its image does not say ({found.istio}), in {found.namespace}")
    return Check(
        "Istio",
        minor >= OLDEST_ISTIO,
        f"{found.istio}, revision {found.revision}, in {found.namespace}, trust domain {found.trust_domain}",
        "upgrade it: raymesh knows Istio 1.21 and newer",
    )


def kuberay(found: Found) -> Check:
    """Return whether there is an operator that is known, and whether it is in the mesh."""
    if not found.operator_pods:
        return Check("KubeRay", False, found.missing.get("kuberay", "none"), "install the KubeRay operator")
    version = found.kuberay_version
    where = "with a sidecar" if found.operator_in_mesh else "without a sidecar"
    seen = f"{found.kuberay} in {found.operator_namespace}, {where}"
    if not found.operator_in_mesh:
        seen += ": it can't submit RayJobs nor ask RayServices behind STRICT"
    return Check("KubeRay", version is None or version >= OLDEST_KUBERAY, seen, f"upgrade it to {OLDEST_KUBERAY}")


def _witnesses(kube: Kube, found: Found, asked: Asked) -> Iterator[Check]:
    for name in KINDS:
        if name in asked.without:
            yield Check(name, True, f"--without {name}: not asked")
            continue
        cure = f"--{name} URL says where it answers, --without {name} that there is none"
        if name in found.missing:
            yield Check(name, False, found.missing[name], cure)
            continue
        try:
            with ExitStack() as stack:
                way = reached.way(
                    stack, kube, name, found, lambda *_: None, address=asked.addresses.get(name, ""),
                    token=asked.tokens.get(name), ca=asked.ca,
                )  # fmt: skip
                yield Check(name, True, f"answers at {_place(name, found, way.base_url)}")
        except EnvironmentFault as error:
            yield Check(name, False, error.cause, error.cure)
        except CommandError as error:
            yield Check(name, False, str(error).splitlines()[0], cure)


def _place(name: str, found: Found, url: str) -> str:
    addon = found.addons.get(name)
    return f"{addon.namespace}/{addon.service}:{addon.port}" if addon else url


def tracing(kube: Kube, found: Found, asked: Asked) -> Check:
    """What share of the calls is traced: MeshConfig's, unless a Telemetry of the root or the namespace says another."""
    if "jaeger" in asked.without:
        return Check("tracing", True, "--without jaeger: not asked")
    config = (found.mesh.get("defaultConfig") or {}).get("tracing") or {}
    said = config.get("sampling", NOT_ALL)
    where = "meshConfig.defaultConfig.tracing" if "sampling" in config else "Istio's default"
    for space in (found.namespace, asked.namespace):
        for doc in _telemetries(kube, space):
            for one in doc["spec"].get("tracing") or []:
                if "randomSamplingPercentage" in one:
                    said, where = one["randomSamplingPercentage"], f"Telemetry {space}/{doc['metadata']['name']}"
    share = float(said)
    wanted = asked.sampling * ALL
    return Check(
        "tracing",
        abs(share - wanted) < 0.01 * ALL / 100 * wanted + 1e-9,
        f"{share:g} % of the calls ({where}), and {wanted:g} % are expected",
        f"trace every call in the subject's namespace with a Telemetry, or say --sampling {share:g}",
    )


def _telemetries(kube: Kube, namespace: str) -> list[dict[str, Any]]:
    if not namespace:
        return []
    words = ("get", "telemetries.telemetry.istio.io", "-n", namespace, "-o", "json")
    done = kube.kubectl(*words, check=False)
    return list(json.loads(done.stdout)["items"]) if done.code == 0 else []


def mtls(kube: Kube, found: Found, asked: Asked) -> Check:
    """Return which mTLS is demanded: by the namespace, else by the mesh."""
    modes = {space: _mode(kube, space) for space in (found.namespace, asked.namespace) if space}
    told = modes.get(asked.namespace) or modes.get(found.namespace) or "PERMISSIVE"
    seen = f"{told} by the PeerAuthentications of {' and '.join(modes)}"
    return Check(
        "mTLS",
        told == "STRICT" or asked.mode == "prove",
        seen + ("" if told == "STRICT" else ": a subject needs a PeerAuthentication of its own"),
        "a PeerAuthentication with STRICT in the namespace, or --expect permissive",
    )


def _mode(kube: Kube, namespace: str) -> str:
    words = ("get", "peerauthentications.security.istio.io", "-n", namespace, "-o", "json")
    for doc in json.loads(kube.kubectl(*words).stdout)["items"]:
        spec = doc.get("spec") or {}
        if not spec.get("selector"):
            return str((spec.get("mtls") or {}).get("mode", ""))
    return ""


def security(found: Found, asked: Asked) -> Check:
    """Return whether namespaces that enforce PodSecurity take sidecars: only those of Istio's CNI plugin."""
    if found.cni:
        return Check("pod security", True, "Istio's CNI plugin is there: a namespace may enforce restricted")
    told = ", ".join(f"{name} enforces {level}" for name, level in asked.enforced.items())
    seen = "Istio has no CNI plugin: a namespace that enforces baseline or restricted takes no istio-init"
    cure = "install Istio's CNI plugin, or let the namespace enforce privileged"
    return Check("pod security", not told, f"{seen}; {told}" if told else seen, cure)


def _sidecars(kube: Kube, namespace: str) -> Check:
    pods = [pod for pod in parse_pods(kube.pods_json(namespace, "ray.io/cluster")) if not pod.finished]
    bare = [pod.name for pod in pods if not has_sidecar(pod)]
    return Check(
        "sidecars",
        bool(pods) and not bare,
        f"{len(pods)} Ray pods in {namespace}" + (f", without a sidecar: {', '.join(bare)}" if bare else ""),
        "label the namespace for injection and let the pods start anew",
    )


def room(kube: Kube) -> Check:
    """Return whether the nodes have room for a small Ray cluster and who knocks."""
    done = kube.kubectl("get", "nodes", "-o", "json", check=False)
    if done.code:
        return Check("room", True, "nodes can't be read, so it is not known whether there is room for the pods")
    free = sum(_gib(node["status"]["allocatable"]["memory"]) for node in json.loads(done.stdout)["items"])
    return Check("room", free >= SMALLEST_GIB, f"{free:.1f} GiB allocatable on all nodes", "add a node")


def _gib(text: str) -> float:
    units = {"Ki": 2**-20, "Mi": 2**-10, "Gi": 1.0, "Ti": 2.0**10}
    return next((float(text[:-2]) * factor for unit, factor in units.items() if text.endswith(unit)), 0.0)


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels.items())


def failed(made: Sequence[Check]) -> tuple[Check, ...]:
    """Return those that will not do."""
    return tuple(one for one in made if not one.ok)
