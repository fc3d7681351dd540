"""RM092 to RM094, and RM102: ports that Ray Serve, and libraries on top of Ray, open beside those of the nodes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.objects import Cluster, Group
from raymesh.manifests.reading import Document, parse
from raymesh.manifests.relating import Case, World
from raymesh.manifests.seen import reads_http
from raymesh.manifests.tree import ShapeError, Value, child, elements, scalar
from raymesh.ports import Version
from raymesh.ports.kuberay import DEFAULT_HEAD_PORTS, head_service_ports

# serve/_private/constants.py: the switch, and the first version that has it. HAProxy mode switches direct ingress on.
_DIRECT_INGRESS = (
    ("RAY_SERVE_ENABLE_HA_PROXY", Version(2, 55)),
    ("RAY_SERVE_ENABLE_DIRECT_INGRESS", Version(2, 54)),
)
_LOWEST, _HIGHEST = "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT", "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT"
_REPLICA_PORTS = (30000, 31000)
_SERVE_GRPC, _SERVE_HTTP = 9000, DEFAULT_HEAD_PORTS["serve"]
_ON = ("1", "true", "True")
_TALKS = re.compile(r"(?:TORCH_)?(?:NCCL|RCCL|GLOO)_|VLLM_HOST_IP$|MASTER_PORT$")
_ENGINES = ("vllm", "sglang", "deepspeed", "ray-llm", "tensorrt-llm")
_ENGINE_WORDS = re.compile(
    r"\bvllm\b|ray\.serve\.llm|tensor_parallel_size|pipeline_parallel_size|\btorchrun\b|\btorch\.distributed\b"
    r"|\baccelerate launch\b|\bdeepspeed\b"
)
_ENTRYPOINTS = {"RayJob": ("spec", "entrypoint"), "RayCronJob": ("spec", "jobTemplate", "entrypoint")}
_INCLUDE = "traffic.sidecar.istio.io/includeInboundPorts"


@rule("RM092", Severity.WARNING, "Serve replicas on ports that no Service has")
def rm092(world: World) -> Iterator[Hit]:
    """In HAProxy mode, and with direct ingress, each replica listens on a port of its own, dialled across nodes."""
    for case in world.cases:
        for group in case.cluster.groups:
            told = _direct_ingress(case, group)
            ports = _replica_ports(group)
            declared = case.service.numbers if case.service else frozenset()
            if told is None or (ports and declared.issuperset(ports)):
                continue
            yield Hit(
                at(told[1]),
                f"{told[0]} in group {group.name} of {case.cluster.name.text}: Serve replicas listen on ports from "
                f"{ports[0] if ports else _REPLICA_PORTS[0]} on, which nodes dial and no Service declares",
                f"take it out, or make the range small with {_LOWEST} and {_HIGHEST} and declare it as http",
            )


@rule("RM093", Severity.WARNING, "Serve listens where no Service leads")
def rm093(world: World) -> Iterator[Hit]:
    """serveConfigV2 gives a port that neither KubeRay's Services nor those of the input have."""
    named: dict[str | None, set[int]] = defaultdict(set)
    for service in world.objects.services:
        targets = (e.target.number for e in service.entries if e.target and e.target.number)
        named[service.namespace].update(service.numbers, targets)
    for cluster in world.objects.clusters:
        told = cluster.serve_config
        if told is None:
            continue
        for what, number in _serve_ports(told):
            if number in named[cluster.namespace] | named[None] | _own_ports(cluster):
                continue
            yield Hit(
                at(told),
                f"serveConfigV2 of {cluster.name.text} has Serve's {what} proxy listen on {number}, and no Service "
                "leads there",
                f"containerPort {number} in the head's container, name serve{'-grpc' if what == 'gRPC' else ''}",
            )


@rule("RM094", Severity.NOTE, "collective traffic on random ports")
def rm094(world: World) -> Iterator[Hit]:
    """NCCL, gloo and torch's rendezvous pick ports that no Service can declare."""
    for case in world.cases:
        groups = case.cluster.groups
        if len(groups) < 2 or all(_bypasses(g) for g in groups):  # noqa: PLR2004 - one node talks to itself
            continue
        found = next((f for g in groups if (f := _collective(g))), None) or _engine_in_config(case.cluster)
        if found is not None:
            yield Hit(
                at(found),
                f"{case.cluster.name.text} seems to run collective communication ({found.text[:60] or 'set'}): NCCL, "
                "gloo and torch's rendezvous take random ports, which no Service can declare. Under STRICT the "
                "sidecars refuse them between nodes",
                f"{_INCLUDE}: with Ray's ports, in every group: the others then pass the sidecar by, in plaintext",
            )


@rule("RM102", Severity.WARNING, "KubeRay can't ask the Serve of the head")
def rm102(world: World) -> Iterator[Hit]:
    """KubeRay asks it by the address of the pod: only a headless Service that declares TCP makes that mTLS."""
    for case in world.cases:
        cluster = case.cluster
        head = cluster.head
        if cluster.kind != "RayService" or head is None or head.ray is None or not case.strict:
            continue
        told = scalar(cluster.doc, cluster.root, "spec", "excludeHeadPodFromServeSvc")
        if told is not None and told.true:
            continue
        listed = [p.number for p in head.ray.ports if p.name and p.name.text == "serve"]
        number = (listed[0].number if listed else None) or _SERVE_HTTP
        entries = [e for service in case.services for e in service.entries if e.number.number == number]
        if any(reads_http(e) is not True for e in entries):
            continue
        what = (
            f"the headless Service declares {number} as HTTP" if entries else f"no headless Service declares {number}"
        )
        yield Hit(
            at(entries[0].number if entries else cluster.name),
            f"{what}: KubeRay asks the Serve of {cluster.name.text}'s head by the address of its pod, which then "
            "leaves the mesh in plaintext; STRICT refuses it, and the head is taken out of the serve Service",
            f"port {number} with appProtocol tcp in the headless Service",
        )


def _direct_ingress(case: Case, group: Group) -> tuple[str, Value] | None:
    for name, since in _DIRECT_INGRESS:
        told = group.environment.get(name)
        if told is not None and told.text in _ON and case.contract.ray_version >= since:
            return name, told
    return None


def _replica_ports(group: Group) -> range:
    ends = (
        told.number if (told := group.environment.get(name)) else default
        for name, default in zip((_LOWEST, _HIGHEST), _REPLICA_PORTS, strict=True)
    )
    lowest, highest = ends
    return range(lowest or 0, highest or 0)


def _serve_ports(config: Value) -> Iterator[tuple[str, int]]:
    """Ports that a Serve config gives to its proxies. gRPC has one only where there are functions to serve."""
    for doc in parse("", config.text):
        if not isinstance(doc, Document):
            continue
        try:
            http = scalar(doc, doc.root, "http_options", "port")
            grpc = scalar(doc, doc.root, "grpc_options", "port")
            functions = elements(child(doc.root, "grpc_options", "grpc_servicer_functions"))
        except ShapeError:
            continue  # Serve says what is wrong with its own config
        if http is not None and http.number:
            yield "HTTP", http.number
        if functions:
            yield "gRPC", (grpc.number if grpc else None) or _SERVE_GRPC


def _own_ports(cluster: Cluster) -> set[int]:
    """Numbers of KubeRay's Services for this cluster."""
    found: set[int] = set()
    for given in (cluster.head_service, cluster.serve_service):
        for entry in given.entries if given else ():
            found.update(n for v in (entry.number, entry.target) if v and (n := v.number))
    ray = cluster.head.ray if cluster.head else None
    listed = [(p.name.text if p.name else "", p.number.number or 0) for p in ray.ports] if ray else []
    return found | set(head_service_ports(listed).values())


def _bypasses(group: Group) -> bool:
    told = group.annotations.get(_INCLUDE)
    return told is not None and told.text.strip() != "*"


def _collective(group: Group) -> Value | None:
    """What shows that processes of this group talk to those of others beside Ray."""
    for name, value in group.environment.items():
        if _TALKS.match(name):
            return value
    ray = group.ray
    return ray.image if ray and any(engine in ray.repository for engine in _ENGINES) else None


def _engine_in_config(cluster: Cluster) -> Value | None:
    where = _ENTRYPOINTS.get(cluster.kind)
    told = (cluster.serve_config, scalar(cluster.doc, cluster.root, *where) if where else None)
    return next((value for value in told if value is not None and _ENGINE_WORDS.search(value.text)), None)
