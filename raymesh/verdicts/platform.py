"""Platform: what runs is what the lane says, in the mesh, with Ray's own TLS off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raymesh.lane import Lane
from raymesh.verdicts.finding import Finding, some
from raymesh.witness.pods import SIDECAR, Pod

WITNESS = "Kubernetes"
WAIT_FOR_GCS = "wait-gcs-ready"
RAY_TLS = "RAY_USE_TLS"
OFF = ("", "0", "false")


def platform_as_pinned(
    pods: Sequence[Pod],
    ray_pods: Sequence[Pod],
    versions: Mapping[str, str],
    ray_nodes: Mapping[str, bool],
    *,
    lane: Lane,
    headless_host: str,
    ray_pod_count: int,
) -> tuple[Finding, ...]:
    """Judge all pods, the Ray pods among them, the versions that programs report, and Ray's list of nodes.

    `versions` is by program: istiod, kuberay-operator, ray, kubernetes. `ray_nodes` says for each address under which a
    node registered whether it is alive.
    """
    return (
        _ready(pods),
        _versions(versions, lane),
        _counted(ray_pods, ray_pod_count),
        _sidecars(ray_pods),
        _no_init_container(ray_pods),
        _registered(ray_pods, ray_nodes, headless_host),
        _ray_tls_off(ray_pods),
    )


def _ready(pods: Sequence[Pod]) -> Finding:
    waiting = [f"{pod.namespace}/{pod.name}" for pod in pods if not pod.ready]
    return Finding(
        "every pod is Ready",
        ok=bool(pods) and not waiting,
        expected="pods, all Ready",
        seen=f"{len(pods)} pods, not Ready: {some(waiting)}",
        witness=WITNESS,
        figures={"pods": len(pods)},
    )


def _versions(versions: Mapping[str, str], lane: Lane) -> Finding:
    wanted = {"istiod": lane.istio, "kuberay-operator": lane.kuberay, "ray": lane.ray, "kubernetes": lane.kubernetes}
    seen = {program: version.removeprefix("v") for program, version in versions.items()}
    other = [f"{program} {seen.get(program, 'unknown')}" for program in wanted if seen.get(program) != wanted[program]]
    return Finding(
        "versions are the lane's",
        ok=not other,
        expected=some(f"{program} {version}" for program, version in wanted.items()),
        seen=some(other, "just these"),
        witness="the programs themselves",
        figures=wanted,
    )


def _counted(ray_pods: Sequence[Pod], count: int) -> Finding:
    return Finding(
        "the RayCluster has its pods",
        ok=len(ray_pods) == count > 0,
        expected=f"{count} Ray pods",
        seen=some(pod.name for pod in ray_pods),
        witness=WITNESS,
    )


def _sidecars(ray_pods: Sequence[Pod]) -> Finding:
    bare = [pod.name for pod in ray_pods if SIDECAR not in {container.name for container in pod.containers}]
    return _all_ray_pods("sidecar in each Ray pod", ray_pods, f"a container {SIDECAR}", bare)


def _no_init_container(ray_pods: Sequence[Pod]) -> Finding:
    waiting = [pod.name for pod in ray_pods if WAIT_FOR_GCS in pod.init_containers]
    return _all_ray_pods(f"no {WAIT_FOR_GCS} init container", ray_pods, f"none with {WAIT_FOR_GCS}", waiting)


def _ray_tls_off(ray_pods: Sequence[Pod]) -> Finding:
    """Ray's own TLS would encrypt too, and the mesh would get the credit."""
    encrypting = [
        f"{pod.name}: {RAY_TLS}={value}"
        for pod in ray_pods
        for container in pod.containers
        if (value := container.environment.get(RAY_TLS, "")) is None or value.lower() not in OFF
    ]
    return _all_ray_pods("Ray's own TLS is off", ray_pods, f"{RAY_TLS} unset or 0", encrypting)


def _all_ray_pods(verdict: str, ray_pods: Sequence[Pod], expected: str, wrong: list[str]) -> Finding:
    return Finding(
        verdict,
        ok=bool(ray_pods) and not wrong,
        expected=f"Ray pods, {expected}",
        seen=f"{len(ray_pods)} Ray pods, otherwise: {some(wrong)}",
        witness=WITNESS,
    )


def _registered(ray_pods: Sequence[Pod], ray_nodes: Mapping[str, bool], headless_host: str) -> Finding:
    """Istio finds the service behind a call only by this name."""
    wanted = {f"{pod.ip.replace('.', '-')}.{headless_host}" for pod in ray_pods}
    alive = {address for address, is_alive in ray_nodes.items() if is_alive}
    return Finding(
        "each Ray node is registered under its pod's FQDN",
        ok=bool(wanted) and alive == wanted,
        expected=some(sorted(wanted)),
        seen=f"alive: {some(sorted(alive))}",
        witness="Ray",
        figures={"nodes": len(alive)},
    )
