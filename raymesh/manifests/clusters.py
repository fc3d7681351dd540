"""Reads KubeRay's own kinds: the clusters inside them, their groups, and the containers of these."""

from __future__ import annotations

import yaml

from raymesh.manifests.commandline import GENERATED, started
from raymesh.manifests.objects import Cluster, Container, Entry, Group, UserService
from raymesh.manifests.reading import Document
from raymesh.manifests.tree import ShapeError, Value, child, elements, part, scalar, scalars
from raymesh.ports import Role

# Where each kind has its cluster; a RayCronJob has a RayJob's spec in it.
CLUSTER_SPEC = {
    "RayCluster": (("spec",),),
    "RayJob": (("spec", "rayClusterSpec"),),
    "RayService": (("spec", "rayClusterConfig"),),
    "RayCronJob": (("spec", "jobTemplate", "rayClusterSpec"), ("spec", "jobTemplate", "spec", "rayClusterSpec")),
}
API_GROUP = "ray.io"
OVERWRITE = "ray.io/overwrite-container-cmd"
FAULT_TOLERANT = "ray.io/ft-enabled"
_MOST_CPUS = 100_000  # keeps out infinity, and what is not a number
_RAY_IMAGES = ("ray", "ray-ml", "ray-llm")
PROXIES = ("istio-proxy", "linkerd-proxy", "envoy")


def cluster(doc: Document, root: yaml.Node, kind: str, name: Value | None) -> Cluster | None:
    """The cluster of an object of KubeRay, None if it has none of its own."""
    spec = next((s for path in CLUSTER_SPEC[kind] if (s := _given(root, path)) is not None), None)
    if name is None or spec is None:
        return None
    annotations = scalars(doc, child(root, "metadata", "annotations"))
    overwritten = _says_true(annotations.get(OVERWRITE))
    groups = []
    head = child(spec, "headGroupSpec")
    if head is not None:
        groups.append(_group(doc, head, "head", "head", overwritten))
    for worker in elements(child(spec, "workerGroupSpecs")):
        called = scalar(doc, worker, "groupName")
        groups.append(_group(doc, worker, "worker", called.text if called else "worker", overwritten))
    told = scalar(doc, spec, "autoscalerOptions", "version")
    space = scalar(doc, root, "metadata", "namespace")
    tolerant = annotations.get(FAULT_TOLERANT)
    return Cluster(
        kind=kind,
        name=name,
        namespace=space.text if space else None,
        doc=doc,
        root=root,
        spec=spec,
        labels=scalars(doc, child(root, "metadata", "labels")),
        annotations=annotations,
        ray_version=scalar(doc, spec, "rayVersion"),
        groups=tuple(groups),
        tls=scalar(doc, spec, "tlsOptions", "enabled"),
        autoscaling=scalar(doc, spec, "enableInTreeAutoscaling"),
        registers_by_name=_registers_by_name(doc, spec),
        autoscaler_version=told.text if told else "",
        auth_mode=scalar(doc, spec, "authOptions", "mode"),
        redis=scalar(doc, spec, "gcsFaultToleranceOptions", "redisAddress")
        or (tolerant if _says_true(tolerant) else None),
        network_mode=scalar(doc, spec, "networkPolicy", "mode"),
        head_service=_user_service(doc, child(head, "headService")),
        serve_service=_user_service(doc, child(root, "spec", "serveService")),
        serve_config=scalar(doc, root, "spec", "serveConfigV2"),
        submission=scalar(doc, root, "spec", "submissionMode"),
    )


def _given(root: yaml.Node, path: tuple[str, ...]) -> yaml.Node | None:
    """A mapping at a path, even an empty one."""
    found = child(root, *path)
    if found is not None and not isinstance(found, yaml.MappingNode):
        raise ShapeError(found, "a mapping")
    return found


def _says_true(value: Value | None) -> bool:
    return value is not None and value.text.lower() == "true"


def _registers_by_name(doc: Document, spec: yaml.Node) -> bool:
    """Whether KubeRay's podFQDN sets node-ip-address (https://github.com/ray-project/kuberay/pull/5191)."""
    mode = scalar(doc, spec, "podFQDN", "mode")
    return mode is not None and mode.text == "RegisterAsNodeAddress"


def _group(doc: Document, node: yaml.Node, role: Role, name: str, overwritten: bool) -> Group:
    nodes = elements(child(node, "template", "spec", "containers"))
    containers = [container(doc, c) for c in nodes]
    at = _index_of_ray(containers)
    ray = containers[at] if containers else None
    annotations = scalars(doc, child(node, "template", "metadata", "annotations"))
    params_node = child(node, "rayStartParams")
    params, own, known = scalars(doc, params_node), False, True
    if ray is not None:
        given = _own_flags(ray, overwritten or _says_true(annotations.get(OVERWRITE)))
        if given is not None:
            params, known = given
            own = True
    return Group(
        role=role,
        name=name,
        doc=doc,
        node=node,
        params=params,
        own_command=own,
        flags_known=known,
        repeated=() if own else _repeated(doc, params_node),
        labels=scalars(doc, child(node, "template", "metadata", "labels")),
        annotations=annotations,
        image=ray.image if ray else None,
        environment=ray.environment if ray else {},
        ray=ray,
        beside=tuple(c for c in containers if c is not ray),
        misplaced=containers[0] if at else None,
        container_ports=frozenset(n for c in containers for p in c.ports if (n := p.number.number) is not None),
        hosts=scalar(doc, node, "numOfHosts"),
        restart=scalar(doc, node, "template", "spec", "restartPolicy"),
        host_network=scalar(doc, node, "template", "spec", "hostNetwork"),
        service_account=scalar(doc, node, "template", "spec", "serviceAccountName"),
        cpu=_cpu(params.get("num-cpus"), ray),
    )


def container(doc: Document, node: yaml.Node) -> Container:
    """A container of a pod."""
    ports = [_entry(doc, p, "containerPort") for p in elements(child(node, "ports"))]
    words = [*elements(child(node, "command")), *elements(child(node, "args"))]
    return Container(
        node=node,
        doc=doc,
        name=scalar(doc, node, "name"),
        image=scalar(doc, node, "image"),
        environment=environment(doc, node),
        ports=tuple(p for p in ports if p is not None),
        words=tuple(Value(w.value, w, doc) for w in words if isinstance(w, yaml.ScalarNode)),
        limits=scalars(doc, child(node, "resources", "limits")),
        requests=scalars(doc, child(node, "resources", "requests")),
    )


def environment(doc: Document, node: yaml.Node | None) -> dict[str, Value]:
    """The variables of a container that have a value of their own."""
    found = {}
    for item in elements(child(node, "env")):
        name, value = scalar(doc, item, "name"), scalar(doc, item, "value")
        if name and value:
            found[name.text] = value
    return found


def _index_of_ray(containers: list[Container]) -> int:
    """Where Ray's container stands: first, unless that is a proxy, or plainly another program than Ray's."""
    if len(containers) < 2:  # noqa: PLR2004 - one container is Ray's, whatever it is
        return 0
    first = containers[0]
    if first.called in PROXIES:
        return next((i for i, c in enumerate(containers) if c.called not in PROXIES), 0)
    if first.repository in _RAY_IMAGES or "ray" in first.called or first.image is None:
        return 0
    sidecar = first.repository in SIDECARS
    return next((i for i, c in enumerate(containers) if sidecar and c.repository in _RAY_IMAGES), 0)


# Programs that people put beside Ray: the last part of their image's name.
SIDECARS = frozenset(
    (
        *("proxyv2", "envoy", "nginx", "oauth2-proxy", "cloud-sql-proxy", "cloudsql-proxy", "vault", "busybox"),
        *("fluent-bit", "fluentd", "vector", "promtail", "filebeat", "otel-collector", "opentelemetry-collector"),
        *("redis", "redis_exporter", "statsd-exporter"),
    )
)


def _own_flags(ray: Container, overwritten: bool) -> tuple[dict[str, Value], bool] | None:
    """The flags of the container's own `ray start`, and whether that is all; None where KubeRay writes it.

    KubeRay leaves a command alone that has the annotation or the words `ray start` (BuildPod in common/pod.go).
    """
    if any(GENERATED in word.text for word in ray.words):
        return None
    found = started([word.text for word in ray.words])
    if found is None:
        return ({}, False) if overwritten else None  # a script, or the image's own entry point
    where = next(w for w in ray.words if "start" in w.text)
    return {name: part(where, text) for name, text in found.flags.items()}, found.whole


def _repeated(doc: Document, params: yaml.Node | None) -> tuple[Value, ...]:
    seen: set[str] = set()
    twice = []
    for key, _ in params.value if isinstance(params, yaml.MappingNode) else ():
        if key.value in seen:
            twice.append(Value(key.value, key, doc))
        seen.add(key.value)
    return tuple(twice)


def _cpu(flag: Value | None, ray: Container | None) -> float | None:
    """CPUs that Ray schedules on: its flag, else the container's limit, else its request, as KubeRay does."""
    for value in (flag, *((ray.limits.get("cpu"), ray.requests.get("cpu")) if ray else ())):
        if value is not None:
            text, milli = value.text.removesuffix("m"), value.text.endswith("m")
            try:
                cpus = float(text) / (1000 if milli else 1)
            except ValueError:
                return None
            return cpus if 0 <= cpus <= _MOST_CPUS else None
    return None


def _user_service(doc: Document, node: yaml.Node | None) -> UserService | None:
    if node is None:
        return None
    entries = (_entry(doc, p, "port") for p in elements(child(node, "spec", "ports")))
    return UserService(
        node=node,
        doc=doc,
        name=scalar(doc, node, "metadata", "name"),
        selector=child(node, "spec", "selector"),
        entries=tuple(e for e in entries if e is not None),
    )


def _entry(doc: Document, node: yaml.Node, key: str) -> Entry | None:
    number = scalar(doc, node, key)
    if number is None:
        return None
    return Entry(
        node=node,
        name=scalar(doc, node, "name"),
        number=number,
        protocol=scalar(doc, node, "protocol"),
        app_protocol=scalar(doc, node, "appProtocol"),
        target=scalar(doc, node, "targetPort"),
    )
