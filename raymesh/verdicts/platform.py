"""Platform: what runs is what the lane says, each Ray pod whole in the mesh, with Ray's own TLS off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from raymesh.subject import RayPod, Subject
from raymesh.verdicts.catalog import (
    COUNTED,
    INTERCEPTED,
    NO_INIT,
    RAY_TLS_OFF,
    READY,
    REGISTERED,
    SIDECARS,
    VERSIONS,
    Verdict,
)
from raymesh.verdicts.finding import Finding, Findings, some
from raymesh.witness.pods import SIDECAR, Pod

WITNESS = "Kubernetes"
WAIT_FOR_GCS = "wait-gcs-ready"
RAY_TLS = "RAY_USE_TLS"
OFF = ("", "0", "false")
# What keeps a pod's traffic from its sidecar (istio pkg/.../annotation; names as Istio 1.21 to 1.31 read them). An
# annotation with the value that Istio takes without it keeps nothing.
KEEPS_OUT: Mapping[str, tuple[str, ...]] = {
    "traffic.sidecar.istio.io/excludeInboundPorts": ("", "15020", "15090,15021,15020", "15020,15021,15090"),
    "traffic.sidecar.istio.io/includeInboundPorts": ("*",),
    "traffic.sidecar.istio.io/excludeOutboundPorts": ("",),
    "traffic.sidecar.istio.io/includeOutboundPorts": ("",),
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": ("",),
    "traffic.sidecar.istio.io/includeOutboundIPRanges": ("*",),
    "traffic.sidecar.istio.io/excludeInterfaces": ("",),
    "sidecar.istio.io/interceptionMode": ("REDIRECT", "TPROXY"),
}


def platform_as_pinned(
    pods: Sequence[Pod],
    subject: Subject,
    versions: Mapping[str, str],
    wanted: Mapping[str, str],
    ray_nodes: Mapping[str, bool],
    environments: Mapping[str, Mapping[str, str]],
    strangers: Collection[str],
) -> Findings:
    """Judge all pods, the subject's among them, the versions that programs report, and Ray's list of nodes.

    `versions` and `wanted` are by program. `ray_nodes` says for each address under which a node registered whether it
    is alive. `environments` are, by name of Ray pod, the variables of the running Ray process that are about TLS.
    `strangers` are pods and addresses of others behind the subject's headless Service.
    """
    members = subject.members(pods)
    return (
        _ready(pods),
        _versions(versions, wanted),
        _counted(members, subject, strangers),
        _sidecars(members),
        _no_init_container(members),
        _registered(members, ray_nodes),
        _ray_tls_off(members, environments),
        _intercepted(members),
    )


def _ready(pods: Sequence[Pod]) -> Finding:
    waiting = [f"{pod.namespace}/{pod.name}" for pod in pods if not pod.ready and not pod.finished]
    return Finding(
        READY,
        ok=bool(pods) and not waiting,
        expected="pods, all Ready",
        seen=f"{len(pods)} pods, not Ready: {some(waiting)}",
        witness=WITNESS,
        figures={"pods": len(pods)},
    )


def _versions(versions: Mapping[str, str], wanted: Mapping[str, str]) -> Finding:
    """Every program that reports a version must be one that is wanted, and every one that is wanted must report."""
    seen = {program: version.removeprefix("v") for program, version in versions.items()}
    other = [
        f"{program} {version}, not {_of(program, wanted) or 'known to the lane'}"
        for program, version in seen.items()
        if version != _of(program, wanted)
    ]
    silent = [name for name in wanted if not any(_kind(program) == name for program in seen)]
    return Finding(
        VERSIONS,
        ok=bool(wanted) and not other and not silent,
        expected=some((f"{program} {version}" for program, version in wanted.items()), "versions"),
        seen=f"{len(seen)} programs, of another version: {some(other)}; silent: {some(silent)}",
        witness="the programs themselves",
        figures=dict(seen),
    )


def _kind(program: str) -> str:
    """Return what a program is: `envoy of POD` and `kubelet of NODE` are envoy and kubelet."""
    return program.split(" of ", maxsplit=1)[0]


def _of(program: str, wanted: Mapping[str, str]) -> str:
    return wanted.get(_kind(program), "")


def _counted(members: Sequence[RayPod], subject: Subject, strangers: Collection[str]) -> Finding:
    """One pod behind the headless Service that has no sidecar ends mTLS for all that are there (Istio 1.31.0, seen)."""
    found = Counter(one.group for one in members)
    ends = {group: subject.counts(group) for group in subject.groups}
    off = [group for group, (least, most) in ends.items() if not least <= found[group] <= most]
    return Finding(
        COUNTED,
        ok=bool(ends) and not off and set(found) <= set(ends) and not strangers,
        expected=some(f"{g}: {least}" + (f" to {most}" if most > least else "") for g, (least, most) in ends.items()),
        seen=some(f"{group}: {count}" for group, count in found.items())
        + (f"; behind the headless Service besides: {some(strangers)}" if strangers else ""),
        witness=WITNESS,
        figures={"pods": len(members)},
    )


def _sidecars(members: Sequence[RayPod]) -> Finding:
    bare = [one.name for one in members if SIDECAR not in {container.name for container in one.pod.containers}]
    return _every_member(SIDECARS, members, f"a container {SIDECAR}", bare)


def _no_init_container(members: Sequence[RayPod]) -> Finding:
    waiting = [one.name for one in members if WAIT_FOR_GCS in one.pod.init_containers]
    return _every_member(NO_INIT, members, f"none with {WAIT_FOR_GCS}", waiting)


def _ray_tls_off(members: Sequence[RayPod], environments: Mapping[str, Mapping[str, str]]) -> Finding:
    """Ray's own TLS would encrypt too, and the mesh would get the credit."""
    encrypting = [
        f"{one.name}: {RAY_TLS}={value}"
        for one in members
        for container in one.pod.containers
        if (value := container.environment.get(RAY_TLS, "")) is None or value.lower() not in OFF
    ]
    running = [
        f"{one.name}: {RAY_TLS}={environments[one.name][RAY_TLS]} in the process"
        for one in members
        if environments.get(one.name, {}).get(RAY_TLS, "").lower() not in OFF
    ]
    unseen = [f"{one.name}: its process was not looked at" for one in members if one.name not in environments]
    return _every_member(RAY_TLS_OFF, members, f"{RAY_TLS} unset or 0", [*encrypting, *running, *unseen])


def _intercepted(members: Sequence[RayPod]) -> Finding:
    kept = [f"{one.name}: hostNetwork" for one in members if one.pod.host_network]
    kept += [
        f"{one.name}: {name}={one.pod.annotations[name]!r}"
        for one in members
        for name, harmless in KEEPS_OUT.items()
        if name in one.pod.annotations and one.pod.annotations[name].replace(" ", "") not in harmless
    ]
    return _every_member(INTERCEPTED, members, "nothing kept from the sidecar", kept)


def _every_member(verdict: Verdict, members: Sequence[RayPod], expected: str, wrong: list[str]) -> Finding:
    return Finding(
        verdict,
        ok=bool(members) and not wrong,
        expected=f"Ray pods, {expected}",
        seen=f"{len(members)} Ray pods, otherwise: {some(wrong)}",
        witness=WITNESS,
    )


def _registered(members: Sequence[RayPod], ray_nodes: Mapping[str, bool]) -> Finding:
    """Istio finds the service behind a call only by this name: an address of its own is none."""
    wanted = {one.host for one in members}
    nameless = [one.name for one in members if one.host == one.ip]
    alive = {address for address, is_alive in ray_nodes.items() if is_alive}
    return Finding(
        REGISTERED,
        ok=bool(wanted) and alive == wanted and not nameless,
        expected=some(sorted(wanted)) + (", names in a headless Service" if nameless else ""),
        seen=f"alive: {some(sorted(alive))}" + (f"; no headless Service names {some(nameless)}" if nameless else ""),
        witness="Ray",
        figures={"nodes": len(alive)},
    )
