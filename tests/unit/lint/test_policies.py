"""Who stands in front of Ray's ports: AuthorizationPolicy, RequestAuthentication, NetworkPolicy."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.lint.examples import CLEAN
from tests.unit.lint.mesh_examples import HEAD, MINE, changed, found, messages, namespace, pods, thing

# What nodes of the right cluster dial at each other.
DIALLED = (6379, 6380, 6381, 6382, 6383, 52365, *range(10002, 10013))
EVERY_PORT = [str(n) for n in DIALLED]
OWN = {"source": {"namespaces": ["default"]}}
DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
ISTIOD = {
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-system"}}}],
    "ports": [{"port": 15012}, {"port": 9411}],
}
EACH_OTHER = {"podSelector": MINE}


def policy(*rules: Any, action: str = "ALLOW", selector: Any = MINE, **more: Any) -> str:
    spec = {"action": action, "rules": list(rules), **({"selector": selector} if selector else {})}
    return thing("AuthorizationPolicy", spec, **more)


def operation(**fields: Any) -> dict[str, Any]:
    return {"to": [{"operation": fields}]}


def source(**fields: Any) -> dict[str, Any]:
    return {"from": [{"source": fields}]}


ALL_OF_OURS = {"from": [OWN]}
ANYONE = source(principals=["*"])

READS_HTTP = {
    "paths": operation(ports=["8265"], paths=["/api/*"]),
    "methods": operation(ports=["8265"], methods=["GET"]),
    "hosts": operation(ports=["8265"], hosts=["ray.example.test"]),
    "not paths": operation(ports=["8265"], notPaths=["/api/jobs/*"]),
    "tokens": source(requestPrincipals=["*"]) | operation(ports=["8265"]),
    "no tokens": source(notRequestPrincipals=["x/y"]) | operation(ports=["8265"]),
    "a header": operation(ports=["8265"]) | {"when": [{"key": "request.headers[x]", "values": ["y"]}]},
    "a claim": operation(ports=["8265"]) | {"when": [{"key": "request.auth.claims[x]", "values": ["y"]}]},
    "the serve port": operation(ports=["8000"], paths=["/v1/*"]),
    "the client port": operation(ports=["10001"], methods=["POST"]),
    "no port": operation(paths=["/api/*"]),
}


@pytest.mark.parametrize("action", ["ALLOW", "DENY"])
@pytest.mark.parametrize("rule", READS_HTTP.values(), ids=READS_HTTP)
def test_fields_of_http_on_a_tcp_port_are_found(rule: Any, action: str) -> None:
    rules = [ALL_OF_OURS, rule] if action == "ALLOW" else [rule]
    assert "RM050" in found(CLEAN, policy(*rules, action=action))


DASHBOARD = """\
apiVersion: v1
kind: Service
metadata: {name: dashboard, namespace: default}
spec:
  selector: {ray.io/cluster: mine, ray.io/node-type: head}
  ports: [{name: dashboard, port: 8265, appProtocol: http}]
"""


@pytest.mark.parametrize(
    "texts",
    [
        (DASHBOARD, policy(ALL_OF_OURS, ANYONE | operation(ports=["8265"], paths=["/api/*"]))),
        (policy(ALL_OF_OURS, ANYONE | operation(ports=["52365"], paths=["/api/*"])),),
        (policy(operation(paths=["/x"]), selector={"matchLabels": {"app": "other"}}),),
        (policy(ALL_OF_OURS, ANYONE | operation(paths=["/x"]), selector=None),),
        (policy(operation(ports=["8265"], paths=["/x"]), space="elsewhere", selector=None),),
        (policy(operation(ports=["8265"], paths=["/x"]), action="AUDIT"),),
        (policy(ALL_OF_OURS, source(principals=["cluster.local/ns/a/sa/b"]) | operation(ports=["8265"])),),
    ],
)
def test_http_where_it_is_read_and_policies_of_others_are_right(texts: tuple[str, ...]) -> None:
    assert found(CLEAN, *texts) == []


REFUSING = {
    "few ports": policy({"from": [OWN], **operation(ports=["6379", "8265", "10001"])}),
    "another ServiceAccount": policy(source(principals=["cluster.local/ns/default/sa/ray"])),
    "another namespace": policy(source(namespaces=["tools"])),
    "another namespace, by condition": policy({"when": [{"key": "source.namespace", "values": ["tools"]}]}),
    "a principal with its scheme": policy(source(principals=["spiffe://cluster.local/ns/default/sa/default"])),
    "nobody": thing("AuthorizationPolicy", {}),
    "nobody, of the mesh": thing("AuthorizationPolicy", {}, space="istio-system"),
    "one port of the workers lacks": policy({"from": [OWN], **operation(ports=EVERY_PORT[:-1])}),
    "tokens on all ports": policy(source(requestPrincipals=["*"])),
    "deny by port": policy(operation(ports=["6379"]), action="DENY"),
    "deny all but one": policy(operation(notPorts=["8265"]), action="DENY"),
    "deny who is not in another namespace": policy(source(notNamespaces=["tools"]), action="DENY"),
    "deny methods, which TCP does not have": policy(operation(methods=["DELETE"]), action="DENY"),
    "deny who has no token": policy(source(notRequestPrincipals=["*"]), action="DENY"),
    "deny all": policy({}, action="DENY"),
    "two that do not cover": policy(operation(ports=["6379"]))
    + "---\n"
    + policy(operation(ports=["6380", "6381"]), name="second"),
}


@pytest.mark.parametrize("text", REFUSING.values(), ids=REFUSING)
def test_policies_that_keep_nodes_out_are_found(text: str) -> None:
    assert "RM051" in found(CLEAN, text)


LETTING = {
    "our namespace": policy({"from": [OWN]}),
    "our principal": policy(source(principals=["cluster.local/ns/default/sa/default"])),
    "any principal": policy(source(principals=["*"])),
    "another trust domain": policy(source(principals=["mesh.example.test/ns/default/sa/default"])),
    "a pattern": policy(source(principals=["cluster.local/ns/default/*"])),
    "a pattern at its end": policy(source(principals=["*/sa/default"])),
    "our account": policy(source(serviceAccounts=["default/default"])),
    "every port": policy({"from": [OWN], **operation(ports=EVERY_PORT)}),
    "all but one that nobody dials": policy({"from": [OWN], **operation(notPorts=["8265"])}),
    "addresses nobody knows": policy(source(ipBlocks=["10.0.0.0/8"])),
    "who is not in another namespace": policy(source(notNamespaces=["tools"])),
    "nobody, on trial": thing("AuthorizationPolicy", {}, annotations={"istio.io/dry-run": "true"}),
    "nobody, and a second one that lets in": thing("AuthorizationPolicy", {})
    + "---\n"
    + policy({"from": [OWN]}, name="second"),
    "two that cover": policy({"from": [OWN], **operation(ports=EVERY_PORT[:9])})
    + "---\n"
    + policy({"from": [OWN], **operation(ports=EVERY_PORT[9:])}, name="second"),
    "deny others": policy(source(notNamespaces=["default"]), action="DENY"),
    "deny other principals": policy(source(notPrincipals=["cluster.local/ns/default/sa/default"]), action="DENY"),
    "deny a port that nodes do not dial": policy(operation(ports=["8265"]), action="DENY"),
    "nobody, elsewhere": thing("AuthorizationPolicy", {}, space="elsewhere"),
    "nobody, of other pods": thing("AuthorizationPolicy", {"selector": {"matchLabels": {"app": "other"}}}),
    "a gateway's": thing("AuthorizationPolicy", {"targetRefs": [{"kind": "Gateway", "name": "w"}]}),
    "audit": policy(operation(ports=["1"]), action="AUDIT"),
}


@pytest.mark.parametrize("text", LETTING.values(), ids=LETTING)
def test_policies_that_let_nodes_in_are_right(text: str) -> None:
    assert found(CLEAN, text) == []


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(DIALLED)))
def test_just_the_ports_that_a_policy_lacks_are_named(lacking: set[int]) -> None:
    listed = [str(n) for n in DIALLED if n not in lacking] or ["1"]
    said = [m for m in messages(CLEAN, policy({"from": [OWN], **operation(ports=listed)})) if m.startswith("RM051")]
    named = {n for m in said for n in numbers_said(m)}
    assert named == (lacking if set(lacking) != set(DIALLED) else set(DIALLED))


def numbers_said(message: str) -> set[int]:
    numbers: set[int] = set()
    for part in message.partition(" at port ")[2].partition(" of ")[0].split(", "):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


def test_the_head_that_scales_has_an_account_of_its_own() -> None:
    text = changed(lambda c: c["spec"].update(enableInTreeAutoscaling=True))
    only_default = policy(source(principals=["cluster.local/ns/default/sa/default"]))
    assert "RM051" in found(text, only_default)
    both = policy(source(principals=[f"cluster.local/ns/default/sa/{n}" for n in ("default", "mine")]))
    assert found(text, both) == []


def test_accounts_of_groups_are_told_apart() -> None:
    text = pods(spec={"serviceAccountName": "ray-workers"}, only=1)
    assert "RM051" in found(text, policy(source(principals=["cluster.local/ns/default/sa/default"])))
    both = [f"cluster.local/ns/default/sa/{n}" for n in ("default", "ray-workers")]
    assert found(text, policy(source(principals=both))) == []


def test_the_cure_of_separate_rules_names_all_ports() -> None:
    text = policy({"from": [OWN]}, operation(ports=["6379"]))
    report = [f for f in messages(CLEAN, text) if f.startswith("RM030")]
    assert len(report) == 1


def test_one_policy_is_told_once_with_its_clusters() -> None:
    others = [CLEAN.replace("mine", name) for name in ("one", "two", "three", "four", "five")]
    said = messages(*others, thing("AuthorizationPolicy", {}))
    assert len([m for m in said if m.startswith("RM051")]) == 1
    assert any("one, two, three and 2 more" in m for m in said)


@pytest.mark.parametrize("ports", [[6379], ["10002-10012"], [""], ["-1"], ["70000"], ["grpc"]])
def test_ports_that_istio_refuses_are_found(ports: list[Any]) -> None:
    assert "RM053" in found(CLEAN, policy({"from": [OWN], **operation(ports=ports)}, action="ALLOW"))


def test_deny_without_rules_is_refused() -> None:
    assert "RM053" in found(CLEAN, thing("AuthorizationPolicy", {"action": "DENY"}))


def test_a_token_on_a_tcp_port_guards_nothing() -> None:
    rules = {"jwtRules": [{"issuer": "https://issuer.example.test"}]}
    assert "RM052" in found(CLEAN, thing("RequestAuthentication", {"selector": HEAD, **rules}))
    assert found(CLEAN, thing("RequestAuthentication", rules)) == []
    assert found(CLEAN, DASHBOARD, thing("RequestAuthentication", {"selector": HEAD, **rules})) == []


def network(*, name: str = "net", pods_: Any = MINE, space: str = "default", **spec: Any) -> str:
    return thing("NetworkPolicy", {"podSelector": pods_, **spec}, name=name, space=space)


def tcp(*numbers: int) -> list[dict[str, Any]]:
    return [{"port": n, "protocol": "TCP"} for n in numbers]


SHUT = {
    "few ports in": network(ingress=[{"from": [EACH_OTHER], "ports": tcp(6379, 8265, 10001)}]),
    "few ports out": network(egress=[{"to": [EACH_OTHER], "ports": tcp(6379)}, DNS, ISTIOD], policyTypes=["Egress"]),
    "nothing in": network(policyTypes=["Ingress"]),
    "nothing in, for all pods": network(pods_={}, policyTypes=["Ingress"]),
    "head only": network(ingress=[{"from": [{"podSelector": {"matchLabels": {"ray.io/node-type": "head"}}}]}]),
    "another namespace": network(
        ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "tools"}}}]}]
    ),
    "other pods": network(ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "other"}}}]}]),
    "a range that ends early": network(
        ingress=[{"ports": [*tcp(6379, 52365), {"port": 6380, "endPort": 6383}, {"port": 10002, "endPort": 10011}]}]
    ),
    "UDP": network(ingress=[{"ports": [{"protocol": "UDP"}]}]),
    "a name that no container has": network(ingress=[{"ports": [{"port": "gcs"}]}]),
    "by expressions": network(
        pods_={"matchExpressions": [{"key": "ray.io/cluster", "operator": "Exists"}]}, policyTypes=["Ingress"]
    ),
}


@pytest.mark.parametrize("text", SHUT.values(), ids=SHUT)
def test_networks_that_shut_rays_ports_are_found(text: str) -> None:
    assert "RM054" in found(CLEAN, text)


OPEN = {
    "each other": network(ingress=[{"from": [EACH_OTHER]}]),
    "all": network(ingress=[{}], egress=[{}], policyTypes=["Ingress", "Egress"]),
    "each other, both ways": network(
        ingress=[{"from": [EACH_OTHER]}],
        egress=[{"to": [EACH_OTHER]}, DNS, ISTIOD],
        policyTypes=["Ingress", "Egress"],
    ),
    "every port": network(ingress=[{"from": [EACH_OTHER], "ports": tcp(*DIALLED)}]),
    "ranges": network(
        ingress=[{"ports": [*tcp(6379, 52365), {"port": 6380, "endPort": 6383}, {"port": 10002, "endPort": 10012}]}]
    ),
    "nothing, and a second one for ours": network(pods_={}, policyTypes=["Ingress"])
    + "---\n"
    + network(name="second", ingress=[{"from": [EACH_OTHER]}]),
    "addresses nobody knows": network(ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]),
    "our namespace by its name": network(
        ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}]}]
    ),
    "namespaces by labels nobody knows": network(
        ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "ml"}}}]}]
    ),
    "elsewhere": network(space="elsewhere", pods_={}, policyTypes=["Ingress"]),
    "of other pods": network(pods_={"matchLabels": {"app": "other"}}, policyTypes=["Ingress"]),
    "in the root namespace": network(space="istio-system", pods_={}, policyTypes=["Ingress"]),
    "another API's": network(policyTypes=["Ingress"]).replace("networking.k8s.io/v1", "crd.example.test/v1"),
}


@pytest.mark.parametrize("text", OPEN.values(), ids=OPEN)
def test_networks_that_let_ray_through_are_right(text: str) -> None:
    assert found(CLEAN, text) == []


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(DIALLED)))
def test_just_the_ports_that_a_network_lacks_are_named(lacking: set[int]) -> None:
    listed = [n for n in DIALLED if n not in lacking] or [1]
    text = network(ingress=[{"from": [EACH_OTHER], "ports": tcp(*listed)}])
    named = {n for m in messages(CLEAN, text) if m.startswith("RM054") for n in numbers_said(m)}
    assert named == lacking


@pytest.mark.parametrize(
    ("egress", "rules"),
    [
        ([{"to": [EACH_OTHER]}], {"RM055", "RM056", "RM057"}),
        ([{"to": [EACH_OTHER]}, DNS], {"RM056", "RM057"}),
        ([{"to": [EACH_OTHER]}, DNS, {"ports": tcp(15012)}], {"RM057"}),
        ([{"to": [EACH_OTHER]}, DNS, {"ports": tcp(15012, 4317)}], set()),
        ([{"to": [EACH_OTHER]}, ISTIOD], {"RM055"}),
        ([{"to": [EACH_OTHER]}, {"to": [{"namespaceSelector": {}}]}], set()),
        ([{"to": [EACH_OTHER]}, {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}], set()),
        ([{"to": [{"podSelector": {}}]}], {"RM055", "RM056", "RM057"}),
    ],
)
def test_what_else_a_sidecar_needs_is_looked_for(egress: list[Any], rules: set[str]) -> None:
    assert set(found(CLEAN, network(egress=egress, policyTypes=["Egress"]))) == rules


def test_an_ambient_mesh_needs_its_own_port() -> None:
    ambient = namespace({"istio.io/dataplane-mode": "ambient"})
    few = network(ingress=[{"from": [EACH_OTHER], "ports": tcp(*DIALLED)}])
    assert "RM054" in found(CLEAN, ambient, few)
    assert set(found(CLEAN, ambient, few.replace("6379", "15008"))) == {"RM069"}


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ({"action": "CUSTOM", "rules": [{}]}, True),
        ({"action": "CUSTOM", "provider": {"name": "asked"}, "rules": [{}]}, False),
        ({"action": "CUSTOM", "provider": {"name": "asked"}, "rules": [{"from": [OWN]}]}, True),
        (
            {
                "action": "CUSTOM",
                "provider": {"name": "asked"},
                "rules": [{"when": [{"key": "source.principal", "values": ["*"]}]}],
            },
            True,
        ),
        ({"action": "DENY", "provider": {"name": "asked"}, "rules": [{"to": [{"operation": {"ports": ["1"]}}]}]}, True),
    ],
)
def test_a_policy_that_asks_somebody_else(spec: dict[str, object], wrong: bool) -> None:
    assert ("RM053" in found(CLEAN, thing("AuthorizationPolicy", spec))) is wrong
