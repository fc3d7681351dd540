"""RM030 and RM050 to RM052: policies of Istio that stand in front of Ray's ports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.lint.told import Told
from raymesh.manifests.access import Call, allowed, denies, http_fields
from raymesh.manifests.dialled import dialled, dialled_numbers
from raymesh.manifests.membership import Membership
from raymesh.manifests.objects import Group
from raymesh.manifests.policies import AuthorizationPolicy, AuthorizationRule
from raymesh.manifests.relating import Case, World
from raymesh.manifests.seen import http_at
from raymesh.manifests.surroundings import Member, bears_on
from raymesh.manifests.tree import Value
from raymesh.ports import Port


@rule("RM030", Severity.ERROR, "AuthorizationPolicy with rules that are OR-ed")
def rm030(world: World) -> Iterator[Hit]:
    """One rule says who, another says where: each alone lets through."""
    told = Told()
    for case, policy in _policies(world):
        if policy.action != "ALLOW":
            continue
        who = [r for r in policy.rules if r.has_from and not r.has_to]
        where = [r for r in policy.rules if r.has_to and not r.has_from and not r.conditions]
        if who and where:
            message = f"AuthorizationPolicy {policy.name.text} has `from` and `to` in separate rules"
            told.add(Value("", where[0].node, policy.doc), message, case.cluster, dialled_numbers(case))
    for said in told:
        yield Hit(
            at(said.where),
            f"{said.message}: either one is enough, so anyone may reach these ports",
            "put `from` and `to` in one rule" + (f", with all that nodes dial: {said.ports}" if said.numbers else ""),
        )


@rule("RM050", Severity.ERROR, "AuthorizationPolicy reads HTTP on a TCP port")
def rm050(world: World) -> Iterator[Hit]:
    """Fields that only HTTP has, on ports that the proxy forwards as TCP."""
    told = Told()
    for case, policy in _policies(world):
        if policy.action not in ("ALLOW", "DENY"):
            continue
        for one in policy.rules:
            fields = http_fields(one)
            ports = _tcp_ports(case, policy, one) if fields else []
            if ports:
                effect = (
                    "leaves out the whole rule there, which lets nobody in"
                    if policy.action == "ALLOW"
                    else "drops the field there, which refuses every call"
                )
                message = f"AuthorizationPolicy {policy.name.text} looks at HTTP on a TCP port: Istio {effect}"
                told.add(fields[0], message, case.cluster, ports)
    for said in told:
        yield Hit(
            at(said.where),
            f"{said.message} (port {said.ports} of {said.names})",
            "guard TCP ports by principal, namespace and port, or declare them http",
        )


@rule("RM051", Severity.ERROR, "AuthorizationPolicy keeps Ray's own nodes out")
def rm051(world: World) -> Iterator[Hit]:
    """A port that Ray nodes dial, and no rule that lets them in."""
    told = Told()
    for case in (c for c in world.meshed if c.around.policies.of(c.cluster)):
        for member in case.members:
            for policy, numbers, verb in _shut(case, member):
                message = f"AuthorizationPolicy {policy.name.text} {verb} Ray nodes"
                told.add(_place(policy), message, case.cluster, numbers)
    for said in told:
        yield Hit(
            at(said.where),
            f"{said.message} at port {said.ports} of {said.names}",
            "one rule with the nodes' namespace or principals and with all these ports",
        )


@rule("RM052", Severity.WARNING, "RequestAuthentication on a TCP port")
def rm052(world: World) -> Iterator[Hit]:
    """Tokens are read from HTTP only: a port that is forwarded as TCP is not guarded."""
    told = Told()
    for case in world.meshed:
        for policy in case.around.tokens.of(case.cluster):
            if policy.targets_gateways or policy.selector.empty:
                continue
            for member in case.members:
                if bears_on(policy, member) is True and (ports := _users_ports(case, member.group)):
                    message = f"RequestAuthentication {policy.name.text} guards nothing: no token is read on TCP"
                    told.add(policy.name, message, case.cluster, ports)
    for said in told:
        yield Hit(
            at(said.where),
            f"{said.message} (port {said.ports} of {said.names})",
            "check tokens at a gateway, or declare the port http in a Service of your own",
        )


def _policies(world: World) -> Iterator[tuple[Case, AuthorizationPolicy]]:
    """Clusters with each policy that guards some of their pods."""
    for case in world.meshed:
        for policy in case.around.policies.of(case.cluster):
            if not policy.targets_gateways and any(bears_on(policy, m) is True for m in case.members):
                yield case, policy


def _tcp_ports(case: Case, policy: AuthorizationPolicy, one: AuthorizationRule) -> list[int]:
    """Ports of Ray that a rule with fields of HTTP means, and that the mesh forwards as TCP."""
    found: set[int] = set()
    for member in case.members:
        if bears_on(policy, member) is not True:
            continue
        numbers = [v.number for o in one.operations for v in o.get("ports", ()) if v.number is not None]
        named = any("ports" in o for o in one.operations)
        if named:
            found.update(n for n in numbers if _known(case, member, n) and http_at(case, member.group, n) is False)
        elif not policy.selector.empty:
            found.update(_users_ports(case, member.group))
    return sorted(found)


def _known(case: Case, member: Member, number: int) -> bool:
    port = case.owner_of(number)
    return port is not None and member.group.role in port.roles


def _users_ports(case: Case, group: Group) -> list[int]:
    """Ports of a group that users dial, if the mesh forwards all of them as TCP; 8265 stands for them."""
    ports = [
        (port, n)
        for port in case.contract.ports
        if port.speaks == "http" and port.declared_in == "head-service" and group.role == "head"
        for n in port.numbers or ()
    ]
    told = [http_at(case, group, n, port) for port, n in ports]
    return [n for _, n in ports] if told and all(answer is False for answer in told) else []


def _shut(case: Case, target: Member) -> Iterator[tuple[AuthorizationPolicy, list[int], str]]:
    """Policies that keep nodes of the same cluster from a group, with the ports."""
    bearing = [p for p in case.around.policies.of(case.cluster) if not p.targets_gateways and not p.dry_run]
    told = [(p, bears_on(p, target)) for p in bearing]
    sure = [p for p, answer in told if answer is True]
    if not sure or target.membership is Membership.OUT:
        return
    calls = list(_calls(case, target))
    for policy in sure:
        refused = {call.number for call in calls if denies(policy, call) is True}
        if refused:
            yield policy, sorted(refused), "refuses"
    allowing = [p for p, answer in told if p.action == "ALLOW" and answer is not False]
    here = [p for p in sure if p.action == "ALLOW"]
    missed = {call.number for call in calls if allowed(allowing, call) is False} if here else set()
    if missed:
        yield max(here, key=lambda p: not p.selector.empty), sorted(missed), "lets in no"


def _calls(case: Case, target: Member) -> Iterator[Call]:
    off = case.around.peer_mode(target) == "DISABLE"
    seen: dict[int, bool | None] = {}
    for source in case.members:
        if source.membership is Membership.OUT:
            continue  # RM035 and RM064 say so
        account = account_of(case, source)
        for port, numbers in dialled(case, source.group, target.group):
            for number in numbers:
                if number not in seen:
                    seen[number] = http_at(case, target.group, number, port)
                yield _call(port, number, seen[number], case.cluster.namespace, account, identified=not off)


def _call(
    port: Port, number: int, http: bool | None, namespace: str | None, account: str | None, *, identified: bool
) -> Call:
    return Call(number, http, port.speaks == "grpc", namespace, account, identified)


def account_of(case: Case, member: Member) -> str | None:
    """The ServiceAccount of a group's pods. KubeRay makes one, named after the cluster, for a head that scales."""
    cluster, group = case.cluster, member.group
    if group.service_account is not None and group.service_account.text:
        return group.service_account.text
    if group.role == "head" and cluster.autoscaling is not None and cluster.autoscaling.true:
        return cluster.name.text if cluster.name_is_known else None
    return "default"


def _place(policy: AuthorizationPolicy) -> Value:
    """The ports that a policy lists, else its name."""
    listed: Sequence[Value] = [v for r in policy.rules for o in r.operations for v in o.get("ports", ())]
    return listed[0] if listed else policy.name
