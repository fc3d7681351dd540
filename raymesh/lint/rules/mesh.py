"""RM027 to RM029 and RM031 to RM036: what the mesh does to the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.lint.told import Told
from raymesh.manifests.dialled import dialled_numbers
from raymesh.manifests.editing import quoted, replace_node, set_key, word
from raymesh.manifests.membership import DATAPLANE, INJECT, REVISION, Membership, on_host_network, refusal
from raymesh.manifests.objects import Cluster, Group
from raymesh.manifests.opened import numbers_in, ranges, set_param
from raymesh.manifests.places import Edit
from raymesh.manifests.policies import PeerAuthentication
from raymesh.manifests.redirection import redirected, taken_out
from raymesh.manifests.relating import ADDRESS, Case, World, fqdn_of
from raymesh.manifests.surroundings import Member
from raymesh.manifests.tree import Value, child
from raymesh.ports import Version

_ASKS = (INJECT, REVISION, DATAPLANE)
_INSIDE = (Membership.SIDECAR, Membership.AMBIENT)
_PLAINTEXT = ("DISABLE", "PERMISSIVE")
_SERVE_GRPC = ("RAY_SERVE_USE_GRPC_BY_DEFAULT", "RAY_SERVE_THROUGHPUT_OPTIMIZED")
_AUTOSCALER_V2_BY_DEFAULT = Version(2, 47)
_DASHBOARD_GRPC = "dashboard-grpc-port"
_DASHBOARD_GRPC_NUMBER = 6384
_ON = ("1", "true", "True")


@rule("RM027", Severity.NOTE, "no app label")
def rm027(world: World) -> Iterator[Hit]:
    """Without it the service name of traces changes with the version of Istio."""
    for case in world.cases:
        for group in case.cluster.groups:
            if "app" not in group.labels:
                yield Hit(
                    at((group.doc, group.node)),
                    f"pods of group {group.name} have no label app: traces are named after the cluster up to "
                    "Istio 1.29, and `kuberay` from 1.30 on",
                    f"label app: {case.cluster.label} in the pod template",
                    label_pods(case.cluster, group),
                )


@rule("RM028", Severity.NOTE, "random gRPC port of the dashboard")
def rm028(world: World) -> Iterator[Hit]:
    """Before Ray 2.45 the head's dashboard opens a random port that workers may dial."""
    for case in world.cases:
        head = case.cluster.head
        random = {p.name for p in case.contract.ports if p.numbers is None}
        if head is None or _DASHBOARD_GRPC not in random or _DASHBOARD_GRPC in head.params:
            continue
        free = case.owner_of(_DASHBOARD_GRPC_NUMBER) is None
        yield Hit(
            at((head.doc, head.params_node or head.node)),
            f"the dashboard of {case.cluster.name.text} listens on a random gRPC port on Ray "
            f"{case.contract.ray_version}: a worker that dials it leaves the mesh",
            f"{_DASHBOARD_GRPC}: '{_DASHBOARD_GRPC_NUMBER}' in the head group, and in the Service",
            set_param(head, _DASHBOARD_GRPC, quoted(str(_DASHBOARD_GRPC_NUMBER))) if free and case.service else (),
        )


@rule("RM029", Severity.WARNING, "init container without a sidecar under STRICT")
def rm029(world: World) -> Iterator[Hit]:
    """KubeRay's init container asks the head before the sidecar runs, and STRICT refuses it."""
    if world.options.native_sidecars or not any(case.strict for case in world.cases):
        return
    for operator in world.objects.operators:
        told = operator.init_injection
        if told is None or told.text.lower() != "false":
            yield Hit(
                at(told or operator.place),
                f"operator {operator.place.text} injects an init container that starts before the sidecar: under "
                "STRICT workers stay in Init, unless Istio is 1.27 and the kubelet 1.33 or newer",
                "ENABLE_INIT_CONTAINER_INJECTION: 'false' in its environment",
                replace_node(told.doc, told.node, quoted("false")) if told else (),
            )


@rule("RM031", Severity.ERROR, "Ray's own TLS inside a port that the mesh reads")
def rm031(world: World) -> Iterator[Hit]:
    """With RAY_USE_TLS the proxy sees TLS where gRPC was declared."""
    for case in world.cases:
        told = case.ray_tls
        if told is None:
            continue
        read = [
            e.number.text
            for service in case.services
            for e in service.entries
            if e.app_protocol and e.app_protocol.text != "tcp" and (port := case.owner_of(e.number.number))
            if port.speaks == "grpc" and e.app_protocol.text != "tls"
        ]
        if read:
            yield Hit(
                at(told),
                f"{case.cluster.name.text} encrypts by itself, but {len(read)} of its gRPC ports are declared for the "
                f"mesh to read, {read[0]} first",
                "switch Ray's TLS off (the mesh encrypts), or declare these ports tcp",
            )


@rule("RM032", Severity.WARNING, "Serve on random gRPC ports")
def rm032(world: World) -> Iterator[Hit]:
    """Serve replicas that call each other by gRPC do so on random ports."""
    for case in world.cases:
        for group in case.cluster.groups:
            for name in _SERVE_GRPC:
                told = group.environment.get(name)
                if told is not None and told.text in _ON:
                    yield Hit(
                        at(told),
                        f"{name} in group {group.name}: Serve replicas then call each other on random ports, "
                        "which no Service declares",
                        "take it out",
                    )


@rule("RM033", Severity.WARNING, "PeerAuthentication lets plaintext in")
def rm033(world: World) -> Iterator[Hit]:
    """A mode that takes plaintext on a port that Ray nodes dial, by Istio's precedence; one finding a policy."""
    told = Told()
    for case in (c for c in world.meshed if c.around.peers.of(c.cluster)):
        for member in case.members:
            for place, message in _plaintext(case, member):
                told.add(place, message, case.cluster)
    for said in told:
        yield Hit(at(said.where), f"{said.message} of {said.names}", "mode: STRICT, or take the exception out")


def _plaintext(case: Case, member: Member) -> Iterator[tuple[Value, str]]:
    rank = case.around.peer_rank(member)
    told = [(p, p.mode) for p in rank if p.mode is not None and p.mode.text != "UNSET"]
    for wider, (_, mode) in enumerate(told[:1], 1):
        if mode.text == "DISABLE":
            yield mode, "mTLS is off for the pods"
        elif mode.text == "PERMISSIVE" and any(m.text == "STRICT" for _, m in told[wider:]):
            yield mode, "PERMISSIVE overrules a wider STRICT, and lets plaintext into the pods"
    nearest = next((p for p in rank if p.port_modes), None)
    for number, mode in _port_modes(nearest):
        port = next((p for n in numbers_in(number) if (p := case.owner_of(n))), None)
        if port is not None and port.crosses and member.group.role in port.roles and mode.text in _PLAINTEXT:
            yield mode, f"port {number} ({port.name}) takes plaintext ({mode.text})"


def _port_modes(peer: PeerAuthentication | None) -> list[tuple[str, Value]]:
    return list(peer.port_modes.items()) if peer else []


@rule("RM034", Severity.WARNING, "Ray port excluded from the mesh")
def rm034(world: World) -> Iterator[Hit]:
    """An annotation takes ports out of the sidecar, and their traffic out of mTLS."""
    for case in world.cases:
        for group in case.cluster.groups:
            if not redirected(group):
                continue
            opened, dialled = dialled_numbers(case, target=group), dialled_numbers(case, source=group)
            for told, out in taken_out(group, opened, dialled):
                yield Hit(
                    at(told),
                    f"group {group.name} takes port {ranges(out)} out of the sidecar: plaintext between nodes",
                    "take the annotation out, or let it cover these ports",
                )


@rule("RM035", Severity.ERROR, "a group without sidecar")
def rm035(world: World) -> Iterator[Hit]:
    """One group stays out of the mesh while others are in it."""
    for case in world.meshed:
        if all(member.asked is Membership.OUT for member in case.members):
            continue
        yield from _left_out(case)
        for member in case.members:
            value = refusal(member.group)
            if member.asked is not Membership.OUT or value is None or on_host_network(member.group):
                continue
            injected = INJECT in (*member.group.labels, *member.group.annotations)
            yield Hit(
                at(value),
                f"group {member.group.name} has no sidecar, but other groups of {case.cluster.name.text} are in the "
                "mesh: its traffic is plaintext, and refused under STRICT",
                f"{INJECT}: 'true' in every group" if injected else "take it out",
                replace_node(value.doc, value.node, quoted("true")) if injected else (),
            )


def _left_out(case: Case) -> Iterator[Hit]:
    """Groups that ask for nothing, where others ask by labels of their own: the namespace may do it for all."""
    asking = {name for m in case.members for name in _ASKS if m.group.labels.get(name) and m.asked in _INSIDE}
    for member in case.members if asking else ():
        group, space = member.group, member.space
        if member.asked is not Membership.UNKNOWN or on_host_network(group):
            continue
        label = next(name for name in _ASKS if name in asking)
        yield Hit(
            at((group.doc, group.node)),
            f"group {group.name} of {case.cluster.name.text} has no label {label}, and other groups have: "
            + (f"namespace {space.name.text} injects nothing" if space else "unless its namespace is labelled")
            + ", its traffic is plaintext, and refused under STRICT",
            f"{label} in every group, or a label of the namespace",
            severity=None if space else Severity.WARNING,
        )


@rule("RM036", Severity.NOTE, "old autoscaler with node names")
def rm036(world: World) -> Iterator[Hit]:
    """The first autoscaler finds nodes by IP address, and these register by name."""
    for case in world.cases:
        told = case.cluster.autoscaling
        head = case.cluster.head
        if told is None or not told.true or head is None or _second_autoscaler(case):
            continue
        address = head.params.get(ADDRESS)
        if address and fqdn_of(address):
            yield Hit(
                at(told),
                f"{case.cluster.name.text} scales with the first autoscaler, which matches nodes by IP address, "
                "but its nodes register by name",
                "autoscalerOptions.version: v2",
            )


def _second_autoscaler(case: Case) -> bool:
    """Whether the newer autoscaler runs: asked for, or by default."""
    told = case.cluster.autoscaler_version
    switch = case.cluster.head.environment.get("RAY_enable_autoscaler_v2") if case.cluster.head else None
    if told or switch:
        return told == "v2" or (switch is not None and switch.text in _ON)
    return case.contract.ray_version >= _AUTOSCALER_V2_BY_DEFAULT


def label_pods(cluster: Cluster, group: Group) -> tuple[Edit, ...]:
    """Edits that give the pods of a group the cluster's name as their label app."""
    template = child(group.node, "template")
    name = word(cluster.label)
    labels = child(template, "metadata", "labels")
    if labels is not None:
        return set_key(group.doc, labels, "app", name)
    metadata = child(template, "metadata")
    if metadata is not None:
        return set_key(group.doc, metadata, "labels", "{app: " + name + "}")
    return set_key(group.doc, template, "metadata", "{labels: {app: " + name + "}}")
