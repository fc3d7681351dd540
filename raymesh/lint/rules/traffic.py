"""RM058 to RM061 and RM074: kinds of Istio that lead Ray's calls elsewhere, or speak to it otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.lint.told import Told
from raymesh.manifests.dialled import dialled_numbers
from raymesh.manifests.hosts import Host, catches, catches_pods, full_name, hosts_of
from raymesh.manifests.policies import ClientTls, DestinationRule, Egress, Route, Sidecar
from raymesh.manifests.relating import Case, World
from raymesh.manifests.surroundings import DEFAULT_NAMESPACE, ROOT_NAMESPACE, Member, bears_on
from raymesh.manifests.tree import Value

_NOT_THE_MESHS = ("DISABLE", "SIMPLE", "MUTUAL")


@rule("RM058", Severity.ERROR, "Sidecar without Ray's own Services")
def rm058(world: World) -> Iterator[Hit]:
    """The proxy does not know the Services that its own pod dials, and sends plaintext."""
    told = Told()
    for case in world.cases:
        for member in case.members:
            sidecar = _sidecar_of(case, member)
            missing = [h for h in hosts_of(case) if not _imported(sidecar, h, case)] if sidecar else []
            if sidecar and missing:
                hidden = " and ".join(h.full for h in missing)
                told.add(sidecar.name, f"Sidecar {sidecar.name.text} hides {hidden} from Ray pods", case.cluster)
    for said in told:
        yield Hit(
            at(said.where),
            f"{said.message} ({said.names}): their proxies send such calls as plaintext, or nowhere",
            "egress.hosts: ['./*'] besides what is there",
        )


@rule("RM059", Severity.ERROR, "DestinationRule without the mesh's certificate")
def rm059(world: World) -> Iterator[Hit]:
    """Clients are told to speak plaintext, or TLS of their own, to pods that ask for the mesh's certificate."""
    told = Told()
    for case in world.cases:
        rules = case.around.destination_rules
        if not rules.of(case.cluster) or all(case.around.peer_mode(m) == "DISABLE" for m in case.members):
            continue
        numbers = dialled_numbers(case)
        for host in hosts_of(case):
            chosen = _rule_of(case, host)
            if chosen is None:
                continue
            used = [s.tls for s in chosen.subsets if s.name.text in _subsets_used(case, host)]
            for mode, at_ports in (w for tls in (chosen.tls, *used) for w in _wrong_tls(tls, numbers)):
                message = f"DestinationRule {chosen.name.text} has clients of {host.full} speak {mode.text}"
                told.add(mode, message, case.cluster, at_ports)
    for said in told:
        yield Hit(
            at(said.where),
            f"{said.message} at port {said.ports}: refused under STRICT ({said.names})",
            "tls.mode: ISTIO_MUTUAL, or none",
        )


@rule("RM060", Severity.ERROR, "VirtualService that catches Ray's names")
def rm060(world: World) -> Iterator[Hit]:
    """Routes for calls between Ray nodes lead elsewhere, or change and end them."""
    told = Told()
    for case in world.cases:
        hosts = hosts_of(case)
        for service in case.around.virtual_services.of(case.cluster):
            if not service.in_mesh or not _visible(service.namespace, case, exported=service.exported):
                continue
            caught = [h for h in hosts if any(catches(full_name(v.text, service.namespace), h) for v in service.hosts)]
            for host in caught:
                for where, message in _effects(case, host, service.routes, service.namespace):
                    told.add(where, f"VirtualService {service.name.text} {message} of {host.full}", case.cluster)
    for said in told:
        yield Hit(at(said.where), f"{said.message} ({said.names})", "gateways without `mesh`, or another host")


@rule("RM061", Severity.ERROR, "ServiceEntry that catches Ray's names")
def rm061(world: World) -> Iterator[Hit]:
    """A host of the outside with a name that Ray nodes dial."""
    told = Told()
    for case in world.cases:
        for entry in case.around.service_entries.of(case.cluster):
            if not entry.outside or not _visible(entry.namespace, case, exported=entry.exported):
                continue
            for value in entry.hosts:
                for host in hosts_of(case):
                    if catches(value.text, host) or catches_pods(value.text, host):
                        told.add(
                            value,
                            f"ServiceEntry {entry.name.text} claims {value.text}, and with it {host.full}",
                            case.cluster,
                        )
    for said in told:
        yield Hit(
            at(said.where),
            f"{said.message} ({said.names}): calls between Ray nodes then take its routes",
            "a host of its own",
        )


@rule("RM074", Severity.ERROR, "subset without pods")
def rm074(world: World) -> Iterator[Hit]:
    """A route leads to a subset whose labels no group of the cluster has."""
    told = Told()
    for case in world.cases:
        for service in case.around.virtual_services.of(case.cluster):
            for route in service.routes:
                for destination in route.destinations:
                    host = _own(case, full_name(destination.host.text, service.namespace))
                    chosen = _rule_of(case, host) if host and destination.subset else None
                    if chosen is None or destination.subset is None or host is None:
                        continue
                    labels = [s.labels for s in chosen.subsets if s.name.text == destination.subset.text]
                    members = [m for m in case.members if not host.for_head or m.group.role == "head"]
                    if not any(one.holds(m.labels) is not False for one in labels for m in members):
                        told.add(
                            destination.subset,
                            f"subset {destination.subset.text} of {host.full} has no pods: calls end with 503",
                            case.cluster,
                        )
    for said in told:
        yield Hit(
            at(said.where),
            f"{said.message} ({said.names})",
            "a subset by labels that the pods have",
        )


def _sidecar_of(case: Case, member: Member) -> Sidecar | None:
    """The Sidecar that counts: one for the workload, else its namespace's, else the root's. None: all is known."""
    bearing = [s for s in case.around.sidecars.of(case.cluster) if bears_on(s, member) is True]
    own = [s for s in bearing if s.namespace != ROOT_NAMESPACE or case.cluster.namespace == ROOT_NAMESPACE]
    rank = [
        *(s for s in own if not s.selector.empty),
        *(s for s in own if s.selector.empty),
        *(s for s in bearing if s.namespace == ROOT_NAMESPACE and s.selector.empty),
    ]
    return rank[0] if rank else None


def _imported(sidecar: Sidecar, host: Host, case: Case) -> bool:
    if not sidecar.egress:
        return True
    return any(_imports(egress, host, case) for egress in sidecar.egress)


def _imports(egress: Egress, host: Host, case: Case) -> bool:
    """Whether one of egress holds a Service. One for a single port holds no others of Ray's."""
    if egress.port is not None and len(dialled_numbers(case)) > 1:
        return False
    for value in egress.hosts:
        space, _, pattern = value.text.partition("/")
        home = case.cluster.namespace or DEFAULT_NAMESPACE
        if (space in ("*", host.space) or (space == "." and host.space == home)) and catches(pattern, host):
            return True
    return False


def _rule_of(case: Case, host: Host) -> DestinationRule | None:
    """The DestinationRule that clients of a host in the cluster take: the nearest, and most specific, namespace's."""
    found = [
        r
        for r in case.around.destination_rules.of(case.cluster)
        if catches(full_name(r.host.text, r.namespace), host)
        and _visible(r.namespace, case, exported=r.exported)
        and (r.selector.empty or all(bears_on(r, m) is True for m in case.members))
    ]
    own = [r for r in found if r.namespace != ROOT_NAMESPACE or case.cluster.namespace == ROOT_NAMESPACE]
    rank = sorted(own or found, key=lambda r: ("*" in r.host.text, -len(full_name(r.host.text, r.namespace))))
    return rank[0] if rank else None


def _visible(space: str | None, case: Case, *, exported: bool) -> bool:
    """Whether pods of the cluster see an object: of their own namespace always, of the root's if exported."""
    return exported or space != ROOT_NAMESPACE or case.cluster.namespace == ROOT_NAMESPACE


def _wrong_tls(tls: ClientTls, numbers: Sequence[int]) -> Iterator[tuple[Value, list[int]]]:
    by_port = {n: mode for n, mode in tls.ports.items() if n in numbers}
    for number, mode in by_port.items():
        if mode is not None and mode.text in _NOT_THE_MESHS:
            yield mode, [number]
    if tls.mode is not None and tls.mode.text in _NOT_THE_MESHS:
        left = [n for n in numbers if n not in tls.ports]
        if left:
            yield tls.mode, left


def _effects(case: Case, host: Host, routes: Sequence[Route], space: str | None) -> Iterator[tuple[Value, str]]:
    """What routes do to calls of nodes. KubeRay's head Service is TCP, the headless one is HTTP: other routes rest."""
    numbers = set(dialled_numbers(case))
    for route in routes:
        if route.kind != ("tcp" if host.for_head else "http") or (route.ports and not numbers & set(route.ports)):
            continue
        for effect in route.effects:
            yield effect, f"sets {effect.text} for calls"
        for destination in route.destinations:
            if not catches(full_name(destination.host.text, space), host):
                yield destination.host, f"leads to {destination.host.text} what is for nodes"
            elif destination.port is not None and (len(route.ports) != 1 or destination.port != route.ports[0]):
                yield destination.host, f"leads to port {destination.port} what is for any port"


def _subsets_used(case: Case, host: Host) -> set[str]:
    """Subsets of a host that routes of sidecars lead to."""
    return {
        d.subset.text
        for service in case.around.virtual_services.of(case.cluster)
        if service.in_mesh
        for route in service.routes
        for d in route.destinations
        if d.subset is not None and catches(full_name(d.host.text, service.namespace), host)
    }


def _own(case: Case, name: str) -> Host | None:
    return next((h for h in hosts_of(case) if catches(name, h)), None)
