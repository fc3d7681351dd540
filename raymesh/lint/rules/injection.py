"""RM062, RM064 to RM072 and RM098: what takes a pod out of the mesh or keeps it out."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import lru_cache

import yaml

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.editing import quoted, replace_node
from raymesh.manifests.membership import DATAPLANE, INJECT, INJECTION, REVISION, Membership, on_host_network
from raymesh.manifests.objects import Cluster, Group
from raymesh.manifests.policies import Namespace
from raymesh.manifests.redirection import CONFIG, MODE, TRAFFIC
from raymesh.manifests.relating import World
from raymesh.manifests.surroundings import Member
from raymesh.manifests.tree import Value, child, scalar

_WAYPOINT = "istio.io/use-waypoint"
TEMPLATES = "inject.istio.io/templates"
_MODES = ("REDIRECT", "TPROXY", "NONE")
_PORT_LISTS = ("includeInboundPorts", "excludeInboundPorts", "excludeOutboundPorts")
_RANGE_LISTS = ("includeOutboundIPRanges", "excludeOutboundIPRanges")
_STAR = ("includeInboundPorts", "includeOutboundIPRanges")
_NOT_STRINGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float"))
_WITHOUT_REDIRECTION = ("grpc-agent", "grpc-simple", "gateway")
_WITH_SIDECAR = "sidecar"
_HIGHEST = 65535
_SIDECARS_USER = 1337  # tools/istio-iptables/pkg/constants of istio/istio: its traffic is not redirected again
# pkg/kube/inject/initializer.go: namespaces in which the injector answers no
_NEVER_INJECTED = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")
_NO = ("false", "no", "off", "disabled", "none")


@rule("RM062", Severity.ERROR, "annotation that the injector refuses")
def rm062(world: World) -> Iterator[Hit]:
    """The webhook refuses the pod: a list that is none, a mode that does not exist, a config that is no mapping."""
    for case in world.cases:
        for group in case.cluster.groups:
            for told, message in _refused(group):
                yield Hit(
                    at(told),
                    f"{message} in group {group.name}: Istio's injector refuses such a pod",
                    "numbers or CIDRs with commas between them, no ranges of ports",
                )


@rule("RM064", Severity.ERROR, "hostNetwork in the mesh")
def rm064(world: World) -> Iterator[Hit]:
    """A pod on the network of its host never gets a sidecar, and is not captured in ambient."""
    for case in world.meshed:
        for member in case.members:
            told = member.group.host_network
            if told is not None and on_host_network(member.group) and member.asked is not Membership.OUT:
                yield Hit(
                    at(told),
                    f"group {member.group.name} uses the network of its host: Istio never injects such pods, and their "
                    "traffic is plaintext, refused under STRICT",
                    "take hostNetwork out",
                )


@rule("RM065", Severity.WARNING, "hostPort of a port that Ray opens")
def rm065(world: World) -> Iterator[Hit]:
    """Whoever comes by the node's address brings no certificate, and two pods don't fit on one node."""
    for case in world.meshed:
        for group in case.cluster.groups:
            for told, number in _host_ports(group):
                port = case.owner_of(number)
                if port is not None and group.role in port.roles:
                    yield Hit(
                        at(told),
                        f"group {group.name} opens port {number} ({port.name}) on the host: who comes by the node's "
                        "address is not in the mesh, and STRICT refuses it; one such pod fits on a node",
                        "take hostPort out, and use a Service or a gateway",
                    )


@rule("RM066", Severity.ERROR, "label or annotation that is not a string")
def rm066(world: World) -> Iterator[Hit]:
    """Kubernetes refuses the object: an unquoted true is a boolean."""
    for owner, told in _metadata(world):
        for key, value in told.items():
            if value.node.tag in _NOT_STRINGS:
                yield Hit(
                    at(value),
                    f"{key}: {value.text} of {owner} is not a string: Kubernetes refuses it",
                    f"{key}: '{value.text}'",
                    replace_node(value.doc, value.node, quoted(value.text)),
                )


@rule("RM067", Severity.ERROR, "sidecar asked for where Istio does not look")
def rm067(world: World) -> Iterator[Hit]:
    """Injection follows labels of the pod and of its namespace, in Istio's order; other places count for nothing."""
    spaces: set[str] = set()
    for case in world.cases:
        space = case.cluster.namespace
        if space in _NEVER_INJECTED:
            yield Hit(
                at(case.cluster.name),
                f"{case.cluster.name.text} lies in namespace {space}: Istio never injects there, whatever labels say",
                "a namespace of its own",
            )
    for member in world.members:
        yield from _unheard(member)
        if member.space is not None and member.space.name.text not in spaces:
            spaces.add(member.space.name.text)
            yield from _unheard_space(member.space)
    out = {id(m.cluster) for m in world.members if m.asked not in (Membership.SIDECAR, Membership.AMBIENT)}
    for cluster in world.objects.clusters:
        for name in (INJECT, REVISION, DATAPLANE) if id(cluster) in out and cluster.kind == "RayCluster" else ():
            told = cluster.labels.get(name) or cluster.annotations.get(name)
            if told is not None and told.text not in _NO and not _said_by_pods(cluster, name):
                yield Hit(
                    at(told),
                    f"{name} stands at {cluster.kind} {cluster.name.text} itself: Istio reads the labels of pods",
                    "put it into the labels of every group's pod template",
                )


@rule("RM098", Severity.ERROR, "Ray runs as the sidecar's user")
def rm098(world: World) -> Iterator[Hit]:
    """What comes from the user or the group of the sidecar is not redirected to it: it leaves in plaintext."""
    for case in world.cases:
        for group in case.cluster.groups if _mentions(case.cluster.doc.source, str(_SIDECARS_USER)) else ():
            for told, message in _as_the_sidecar(group):
                yield Hit(
                    at(told),
                    f"{message} in group {group.name}: that is the sidecar's own, whose traffic is not redirected: the "
                    "calls of this group leave in plaintext, and STRICT refuses them",
                    f"another number than {_SIDECARS_USER}",
                )


@rule("RM068", Severity.ERROR, "injection template without a sidecar")
def rm068(world: World) -> Iterator[Hit]:
    """A template that redirects nothing to a proxy leaves Ray's traffic as it is."""
    for case in world.cases:
        for group in case.cluster.groups:
            told = group.annotations.get(TEMPLATES)
            chosen = [part.strip() for part in told.text.split(",")] if told else []
            if told and _WITH_SIDECAR not in chosen and set(chosen) & set(_WITHOUT_REDIRECTION):
                yield Hit(
                    at(told),
                    f"template {told.text} of group {group.name} redirects no traffic of Ray to a proxy: plaintext",
                    f"{TEMPLATES}: sidecar, or take it out",
                )


@rule("RM069", Severity.NOTE, "ambient mesh: calls are not seen")
def rm069(world: World) -> Iterator[Hit]:
    """Without sidecars all ports are encrypted, and none is read."""
    for case in world.ambient:
        if all(_has_waypoint(member) for member in case.members):
            continue
        yield Hit(
            at(case.cluster.name),
            f"{case.cluster.name.text} is in an ambient mesh: traffic of every port is mutually authenticated without "
            "a headless Service, but there are no metrics and traces of calls, and no HTTP rules",
            "a waypoint for the ports that should be read, or sidecars",
        )


@rule("RM070", Severity.WARNING, "revision label that has no effect")
def rm070(world: World) -> Iterator[Hit]:
    """istio-injection goes before istio.io/rev, and a namespace's revision before a pod's."""
    seen = set()
    for member in world.members:
        space = member.space
        if space is None:
            continue
        of_space, of_pod = space.labels.get(REVISION), member.group.labels.get(REVISION)
        told = None
        if INJECTION in space.labels:
            told, over = of_pod or of_space, f"{INJECTION}: {space.labels[INJECTION].text}"
        elif of_space is not None and of_pod is not None and of_pod.text != of_space.text:
            told, over = of_pod, f"{REVISION}: {of_space.text}"
        if told is not None and told.place not in seen:
            seen.add(told.place)
            yield Hit(
                at(told),
                f"{REVISION}: {told.text} has no effect: namespace {space.name.text} says {over}, which goes first",
                "keep one of them",
            )


@rule("RM071", Severity.WARNING, "setting of the sidecar in the wrong place")
def rm071(world: World) -> Iterator[Hit]:
    """Istio reads its settings from annotations of the pod template, under names of its own."""
    for case in world.cases:
        for group in case.cluster.groups:
            for name, told in group.labels.items():
                if name.startswith(TRAFFIC) or name in (MODE, CONFIG, TEMPLATES):
                    yield Hit(
                        at(told), f"{name} is a label of group {group.name}: Istio reads it from annotations", "move it"
                    )
            for where, message in _misplaced(group):
                yield Hit(at(where), message, "inside the annotation proxy.istio.io/config of the pod template")
        for name, told in case.cluster.annotations.items():
            if name.startswith(TRAFFIC) or name in (MODE, CONFIG, TEMPLATES):
                yield Hit(
                    at(told),
                    f"{name} stands at {case.cluster.kind} {case.cluster.name.text} itself: Istio reads it from pods",
                    "put it into the annotations of every group's pod template",
                )


@rule("RM072", Severity.NOTE, "not rendered by kustomize")
def rm072(world: World) -> Iterator[Hit]:
    """Patches and what they change are parts of objects: nothing is said of them before they are built."""
    for top in world.unrendered.tops:
        folder = posixpath.dirname(top.doc.path) or "."
        yield Hit(
            at(top.name),
            "kustomize makes the Ray cluster of these files, which are not judged one by one",
            f"kustomize build {folder} | raymesh ports lint - --stdin-name {folder}",
        )
    for part in world.unrendered.parts:
        yield Hit(
            at(part.name),
            f"{part.kind} {part.name.text} has groups without containers: a patch, which is not judged as a whole",
            "lint what the patch makes",
        )


@lru_cache(maxsize=16)
def _mentions(source: str, word: str) -> bool:
    """Whether a file has a word at all: one look for all the clusters in it."""
    return word in source


def _as_the_sidecar(group: Group) -> Iterator[tuple[Value, str]]:
    pod = child(group.node, "template", "spec", "securityContext")
    own = child(group.ray.node, "securityContext") if group.ray else None
    for field in ("runAsUser", "runAsGroup"):
        told = scalar(group.doc, own, field) or scalar(group.doc, pod, field)  # the container's goes first
        if told is not None and told.number == _SIDECARS_USER:
            yield told, f"{field} {told.text}"


def _refused(group: Group) -> Iterator[tuple[Value, str]]:
    for name in _PORT_LISTS:
        told = group.annotations.get(TRAFFIC + name)
        if told is None or not told.text.strip() or (told.text.strip() == "*" and name in _STAR):
            continue
        for part in told.text.split(","):
            word = part.strip()
            if not (word.isdecimal() and word.isascii() and len(word) <= len(str(_HIGHEST)) and int(word) <= _HIGHEST):
                yield told, f"{name} {told.text!r}: {word!r} is no port number,"
                break
    for name in _RANGE_LISTS:
        told = group.annotations.get(TRAFFIC + name)
        if told is None or not told.text or (told.text == "*" and name in _STAR):
            continue
        for part in told.text.split(","):
            if not _is_prefix(part):
                yield told, f"{name} {told.text!r}: {part!r} is no CIDR,"
                break
    mode = group.annotations.get(MODE)
    if mode is not None and mode.text not in _MODES:
        yield mode, f"{MODE} {mode.text!r} is none of {', '.join(_MODES)},"
    config = group.annotations.get(CONFIG)
    if config is not None and (wrong := _wrong_config(config.text)):
        yield config, f"{CONFIG} {wrong},"


def _is_prefix(text: str) -> bool:
    import ipaddress  # noqa: PLC0415 - few manifests have ranges, and start-up should be short

    address, slash, _ = text.partition("/")
    if not slash or address != address.strip():
        return False
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _unknown_settings(text: str) -> list[str]:
    """Keys that ProxyConfig does not have: Istio drops them without a word (protomarshal.ApplyJSON)."""
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    keys = [str(key) for key in found] if isinstance(found, dict) else []
    return sorted(key for key in keys if key not in PROXY_CONFIG and _camel(key) not in PROXY_CONFIG)


def _wrong_config(text: str) -> str | None:
    """What is wrong with a ProxyConfig, None if nothing is seen."""
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return "is not YAML"
    if found is None:
        return None
    if not isinstance(found, dict):
        return "is not a mapping"
    hold = found.get("holdApplicationUntilProxyStarts")
    if hold is not None and not isinstance(hold, bool):
        return f"has holdApplicationUntilProxyStarts {hold!r}, which is not a boolean"
    return None


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.title() for part in others)


# Fields of ProxyConfig (mesh/v1alpha1/proxy.proto of istio/api 1.31).
PROXY_CONFIG = frozenset(
    (
        "availabilityZone",
        "binaryPath",
        "caCertificatesPem",
        "concurrency",
        "configPath",
        "connectionSettings",
        "controlPlaneAuthPolicy",
        "customConfigFile",
        "discoveryAddress",
        "discoveryRefreshDelay",
        "drainDuration",
        "envoyAccessLogService",
        "envoyMetricsService",
        "envoyMetricsServiceAddress",
        "extraStatTags",
        "fileFlushInterval",
        "fileFlushMinSizeKb",
        "gatewayTopology",
        "holdApplicationUntilProxyStarts",
        "image",
        "interceptionMode",
        "meshId",
        "privateKeyProvider",
        "proxyAdminPort",
        "proxyBootstrapTemplatePath",
        "proxyHeaders",
        "proxyMetadata",
        "proxyStatsMatcher",
        "readinessProbe",
        "runtimeValues",
        "sds",
        "serviceCluster",
        "serviceCluster",
        "statNameLength",
        "statsCompression",
        "statsdUdpAddress",
        "statusPort",
        "terminationDrainDuration",
        "tracing",
        "tracingServiceName",
        "zipkinAddress",
    )
)


def _host_ports(group: Group) -> Iterator[tuple[Value, int]]:
    for container in (*([group.ray] if group.ray else []), *group.beside):
        for entry in container.ports:
            host = scalar(group.doc, entry.node, "hostPort")
            if host is not None and host.number and entry.number.number is not None:
                yield host, entry.number.number


def _metadata(world: World) -> Iterator[tuple[str, dict[str, Value]]]:
    for cluster in world.objects.clusters:
        yield f"{cluster.kind} {cluster.name.text}", cluster.labels
        yield f"{cluster.kind} {cluster.name.text}", cluster.annotations
        for group in cluster.groups:
            yield f"group {group.name}", group.labels
            yield f"group {group.name}", group.annotations
    spaces = {id(m.space): m.space for m in world.members if m.space is not None}
    for space in spaces.values():
        yield f"Namespace {space.name.text}", space.labels
    for service in world.objects.services:
        if any(key.startswith("ray.io/") for key in (*service.selector, *service.labels)):
            yield f"Service {service.name.text}", service.selector
            yield f"Service {service.name.text}", service.labels


def _has_waypoint(member: Member) -> bool:
    told = member.group.labels.get(_WAYPOINT) or (member.space.labels.get(_WAYPOINT) if member.space else None)
    return told is not None and told.text != "none"


def _said_by_pods(cluster: Cluster, name: str) -> bool:
    return all(name in group.labels for group in cluster.groups)


def _unheard(member: Member) -> Iterator[Hit]:
    """What a pod template asks for, and does not get."""
    group, space = member.group, member.space
    label = group.labels.get(INJECT)
    inside = member.asked in (Membership.SIDECAR, Membership.AMBIENT)
    if label is not None and label.text not in ("true", "false"):
        if not inside or label.text.lower() in _NO:
            yield Hit(
                at(label),
                f"{INJECT}: {label.text!r} of group {group.name} has no effect: only 'true' and 'false' count",
                f"{INJECT}: 'true' or 'false'",
            )
        return
    asks = label or group.labels.get(REVISION)
    if inside or space is None:
        return
    if INJECTION in space.labels and asks is not None and asks.text != "false":
        yield Hit(
            at(asks),
            f"group {group.name} asks for a sidecar, but namespace {space.name.text} says {INJECTION}: "
            f"{space.labels[INJECTION].text}, which goes first",
            f"{INJECTION}: enabled, or no such label",
        )
        return
    for name in (INJECT, REVISION, DATAPLANE):
        told = group.annotations.get(name)
        if told is not None and told.text not in _NO and name not in group.labels:
            yield Hit(
                at(told),
                f"{name} of group {group.name} is an annotation, and namespace {space.name.text} is not labelled for "
                "injection: Istio reads labels of pods only",
                f"label {name}: '{told.text}' in the pod template",
            )
            return


def _unheard_space(space: Namespace) -> Iterator[Hit]:
    """What a namespace asks for, and its pods do not get."""
    told = space.labels.get(INJECTION)
    if told is not None and told.text not in ("enabled", "disabled"):
        yield Hit(
            at(told),
            f"{INJECTION}: {told.text!r} of namespace {space.name.text} injects nothing: the word is 'enabled'",
            f"{INJECTION}: enabled",
        )
    mode = space.labels.get(DATAPLANE)
    if mode is not None and mode.text not in ("ambient", "none"):
        yield Hit(
            at(mode),
            f"{DATAPLANE}: {mode.text!r} of namespace {space.name.text} has no effect: the word is 'ambient'",
            f"{DATAPLANE}: ambient",
        )
    for name in (INJECTION, REVISION, DATAPLANE, INJECT):
        wrong = space.annotations.get(name) or (space.labels.get(name) if name == INJECT else None)
        if wrong is not None and not {INJECTION, REVISION, DATAPLANE} & set(space.labels):
            yield Hit(
                at(wrong),
                f"{name} of namespace {space.name.text} has no effect there: Istio reads labels of namespaces, and "
                f"{INJECT} at pods",
                f"label {INJECTION}: enabled",
            )
            return


def _misplaced(group: Group) -> Iterator[tuple[Value, str]]:
    for name, told in (*group.annotations.items(), *group.labels.items()):
        tail = name.rpartition("/")[2]
        if tail == "holdApplicationUntilProxyStarts":
            yield told, f"{name} of group {group.name} has no effect: it is a field of ProxyConfig"
    config = group.annotations.get(CONFIG)
    if config is None:
        return
    for key in _unknown_settings(config.text):
        yield config, f"{CONFIG} of group {group.name} has {key!r}, which is no field of ProxyConfig: it has no effect"
