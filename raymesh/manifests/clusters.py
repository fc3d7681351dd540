"""Reads KubeRay's own kinds: the clusters inside them, their groups, and the containers of these."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from raymesh.manifests.commandline import GENERATED, started
from raymesh.manifests.objects import Cluster, Container, Entry, Group, UserService
from raymesh.manifests.reading import Document
from raymesh.manifests.tree import ShapeError, Value, child, elements, fields, part, scalar, scalars
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
    given, outer = fields(spec), fields(child(root, "spec"))
    groups = []
    head = given.get("headGroupSpec")
    if head is not None:
        groups.append(_group(doc, head, "head", "head", overwritten))
    for worker in elements(given.get("workerGroupSpecs")):
        called = scalar(doc, worker, "groupName")
        groups.append(_group(doc, worker, "worker", called.text if called else "worker", overwritten))
    told = scalar(doc, given.get("autoscalerOptions"), "version")
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
        ray_version=scalar(doc, given.get("rayVersion")),
        groups=tuple(groups),
        tls=scalar(doc, given.get("tlsOptions"), "enabled"),
        autoscaling=scalar(doc, given.get("enableInTreeAutoscaling")),
        registers_by_name=_registers_by_name(doc, given.get("podFQDN")),
        autoscaler_version=told.text if told else "",
        auth_mode=scalar(doc, given.get("authOptions"), "mode"),
        redis=scalar(doc, given.get("gcsFaultToleranceOptions"), "redisAddress")
        or (tolerant if _says_true(tolerant) else None),
        network_mode=scalar(doc, given.get("networkPolicy"), "mode"),
        head_service=_user_service(doc, child(head, "headService")),
        serve_service=_user_service(doc, outer.get("serveService")),
        serve_config=scalar(doc, outer.get("serveConfigV2")),
        submission=scalar(doc, outer.get("submissionMode")),
    )


def _given(root: yaml.Node, path: tuple[str, ...]) -> yaml.Node | None:
    """A mapping at a path, even an empty one."""
    found = child(root, *path)
    if found is not None and not isinstance(found, yaml.MappingNode):
        raise ShapeError(found, "a mapping")
    return found


def _says_true(value: Value | None) -> bool:
    return value is not None and value.text.lower() == "true"


def _registers_by_name(doc: Document, options: yaml.Node | None) -> bool:
    """Whether KubeRay's podFQDN sets node-ip-address (https://github.com/ray-project/kuberay/pull/5191)."""
    mode = scalar(doc, options, "mode")
    return mode is not None and mode.text == "RegisterAsNodeAddress"


def _group(doc: Document, node: yaml.Node, role: Role, name: str, overwritten: bool) -> Group:
    given = fields(node)
    params_node, template = given.get("rayStartParams"), fields(given.get("template"))
    metadata, pod = fields(template.get("metadata")), fields(template.get("spec"))
    containers = [container(doc, c) for c in elements(pod.get("containers"))]
    at = _index_of_ray(containers)
    ray = containers[at] if containers else None
    annotations = scalars(doc, metadata.get("annotations"))
    params, own, known = scalars(doc, params_node), False, True
    if ray is not None:
        flags = _own_flags(ray, overwritten or _says_true(annotations.get(OVERWRITE)))
        if flags is not None:
            params, known = flags
            own = True
    beside = (*(c for c in containers if c is not ray), *_lasting(doc, pod.get("initContainers")))
    return Group(
        role=role,
        name=name,
        doc=doc,
        node=node,
        params=params,
        own_command=own,
        flags_known=known,
        repeated=() if own else _repeated(doc, params_node),
        labels=scalars(doc, metadata.get("labels")),
        annotations=annotations,
        image=ray.image if ray else None,
        environment=ray.environment if ray else {},
        ray=ray,
        beside=beside,
        misplaced=containers[0] if at else None,
        container_ports=frozenset(n for c in containers for p in c.ports if (n := p.number.number) is not None),
        hosts=scalar(doc, given.get("numOfHosts")),
        restart=scalar(doc, pod.get("restartPolicy")),
        host_network=scalar(doc, pod.get("hostNetwork")),
        dns_policy=scalar(doc, pod.get("dnsPolicy")),
        service_account=scalar(doc, pod.get("serviceAccountName")),
        cpu=_cpu(params.get("num-cpus"), ray),
    )


def _lasting(doc: Document, node: yaml.Node | None) -> Iterator[Container]:
    """Init containers that restart always: they run as long as Ray does."""
    for one in elements(node):
        restart = scalar(doc, one, "restartPolicy")
        if restart is not None and restart.text == "Always":
            yield container(doc, one)


def container(doc: Document, node: yaml.Node) -> Container:
    """A container of a pod."""
    given = fields(node)
    resources = fields(given.get("resources"))
    ports = [_entry(doc, p, "containerPort") for p in elements(given.get("ports"))]
    words = [*elements(given.get("command")), *elements(given.get("args"))]
    return Container(
        node=node,
        doc=doc,
        name=scalar(doc, given.get("name")),
        image=scalar(doc, given.get("image")),
        environment=environment(doc, node),
        ports=tuple(p for p in ports if p is not None),
        words=tuple(Value(w.value, w, doc) for w in words if isinstance(w, yaml.ScalarNode)),
        limits=scalars(doc, resources.get("limits")),
        requests=scalars(doc, resources.get("requests")),
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
