"""Lets the probe pods knock at Ray's ports and reads what they report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from raymesh.errors import Unreadable
from raymesh.manifests.patching import load, with_images
from raymesh.mesh.guide import NAME, NAMESPACE, SERVICE_HOST
from raymesh.platform.kube import Kube
from raymesh.ports import Contract, Role
from raymesh.verdicts.refusal import Client, Probe

CLIENT = Path(__file__).parents[1] / "inside" / "client.py"
HEAD_SERVICE_HOST = f"{NAME}-head-svc.{NAMESPACE}.svc.cluster.local"
CONTAINER = "probe"


@dataclass(frozen=True)
class Target:
    """One port of one Ray pod, and the name by which Ray dials it."""

    pod: str
    host: str
    port: int
    protocol: str


def deploy(kube: Kube, images: dict[str, str], *, within: float) -> None:
    """Start the two probe pods."""
    kube.apply(with_images(load("probes/outsider.yaml"), images))
    kube.wait_ready(NAMESPACE, "app in (outsider, insider)", count=2, within=within)


def remove(kube: Kube) -> None:
    """Remove the probe pods."""
    kube.delete(load("probes/outsider.yaml"))


def targets(contract: Contract, ips: dict[Role, str]) -> list[Target]:
    """Return every declared port of each Ray pod; `ips` are their pods' addresses by role."""
    found: list[Target] = []
    for role, ip in ips.items():
        host = f"{ip.replace('.', '-')}.{SERVICE_HOST}"
        found += [Target(role, host, p.number, p.app_protocol) for p in contract.headless_ports()]
    for port in contract.head_service_ports():
        # KubeRay declares these tcp; what a client has to speak is another matter.
        entry = contract.port_at(port.number, "head")
        speaks = entry.speaks if entry else port.app_protocol
        found.append(Target("head", HEAD_SERVICE_HOST, port.number, speaks))
    return found


def knock(kube: Kube, pod: str, clients: Sequence[Client], at: Sequence[Target]) -> list[Probe]:
    """Let `pod` (outsider or insider) try each target as each client. Raises Unreadable unless all were tried."""
    wanted = json.dumps({"clients": list(clients), "targets": [asdict(target) for target in at]})
    done = kube.exec(
        pod, ["python", "-", wanted], container=CONTAINER, stdin=CLIENT.read_text(), timeout=60 + 2 * len(at)
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if len(rows) != len(clients) * len(at):
        raise Unreadable(f"{pod} tried {len(rows)} of {len(clients) * len(at)} ports: {done.stderr[-500:]}")
    return [Probe(row["client"], row["pod"], row["port"], row["outcome"], row["detail"]) for row in rows]
