"""Hostile inputs: who stands in front of the ports (AuthorizationPolicy, NetworkPolicy, RequestAuthentication)."""

from __future__ import annotations

from typing import Any

from tests.unit.lint.hostile import beside, case
from tests.unit.lint.mesh_examples import HEAD, MINE, pods, thing
from tests.unit.lint.test_policies import (
    DNS,
    EACH_OTHER,
    EVERY_PORT,
    ISTIOD,
    OWN,
    network,
    operation,
    policy,
    source,
    tcp,
)

SEL = {"selector": MINE}
OF_RAY = {"principals": ["cluster.local/ns/default/sa/ray"]}
OF_DEFAULT = {"principals": ["cluster.local/ns/default/sa/default"]}
JWT = [{"issuer": "https://x.example.test", "jwksUri": "https://x.example.test/keys"}]


def authorization(spec: Any, **more: Any) -> str:
    return thing("AuthorizationPolicy", spec, **more)


def tokens(spec: Any, **more: Any) -> str:
    return thing("RequestAuthentication", spec, **more)


CASES = {
    "empty source": beside("RM053", authorization({**SEL, "rules": [{"from": [{"source": {}}]}]})),
    "from empty list": beside("", authorization({**SEL, "rules": [{"from": []}]})),
    "from without source": beside("RM053", authorization({**SEL, "rules": [{"from": [{}]}]})),
    "to empty list": beside("", authorization({**SEL, "rules": [{"to": []}]})),
    "operation empty": beside("RM053", authorization({**SEL, "rules": [{"to": [{"operation": {}}]}]})),
    "deny rules []": beside("RM053", authorization({**SEL, "action": "DENY", "rules": []})),
    "action lower": beside("RM053", authorization({**SEL, "action": "allow", "rules": [{}]})),
    "action unknown": beside("RM053", authorization({**SEL, "action": "BLOCK", "rules": [{}]})),
    "unknown source field": beside(
        "RM053", authorization({**SEL, "rules": [{"from": [{"source": {"principal": ["x"]}}]}]})
    ),
    "unknown op field": beside(
        "RM053", authorization({**SEL, "rules": [{"from": [OWN], "to": [{"operation": {"port": ["6379"]}}]}]})
    ),
    "unknown rule field": beside("RM053", authorization({**SEL, "rules": [{"source": {"namespaces": ["default"]}}]})),
    "unknown spec field": beside("RM051 RM053", authorization({**SEL, "rule": [{}]})),
    "when no values": beside("RM053", authorization({**SEL, "rules": [{"when": [{"key": "source.namespace"}]}]})),
    "when unknown key": beside(
        "RM053", authorization({**SEL, "rules": [{"when": [{"key": "source.ns", "values": ["default"]}]}]})
    ),
    "when no key": beside("RM053", authorization({**SEL, "rules": [{"when": [{"values": ["default"]}]}]})),
    "when ip bad": beside(
        "RM053", authorization({**SEL, "rules": [{"when": [{"key": "source.ip", "values": ["pods"]}]}]})
    ),
    "when port bad": beside(
        "RM051 RM053",
        authorization({**SEL, "rules": [{"when": [{"key": "destination.port", "values": ["6379-6383"]}]}]}),
    ),
    "ipBlocks bad": beside(
        "RM053", authorization({**SEL, "rules": [{"from": [{"source": {"ipBlocks": ["10.0.0.0/40"]}}]}]})
    ),
    "ipBlocks ok": beside("", authorization({**SEL, "rules": [{"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]}]})),
    "sa with principals": beside(
        "RM053",
        authorization(
            {**SEL, "rules": [{"from": [{"source": {"serviceAccounts": ["default"], "namespaces": ["default"]}}]}]}
        ),
    ),
    "sa three parts": beside(
        "RM051 RM053", authorization({**SEL, "rules": [{"from": [{"source": {"serviceAccounts": ["a/b/c"]}}]}]})
    ),
    "sa own": beside("", authorization({**SEL, "rules": [{"from": [{"source": {"serviceAccounts": ["default"]}}]}]})),
    "sa own ns": beside(
        "", authorization({**SEL, "rules": [{"from": [{"source": {"serviceAccounts": ["default/default"]}}]}]})
    ),
    "sa other": beside(
        "RM051", authorization({**SEL, "rules": [{"from": [{"source": {"serviceAccounts": ["other/default"]}}]}]})
    ),
    "selector and targetRefs": beside(
        "RM053",
        authorization(
            {
                **SEL,
                "targetRefs": [{"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "x"}],
                "rules": [{}],
            }
        ),
    ),
    "selector matchExpressions": beside(
        "RM053",
        authorization({"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "rules": [{}]}),
    ),
    "selector empty value ok": beside("", authorization({"selector": {"matchLabels": {"app": ""}}, "rules": []})),
    "port range string": beside(
        "RM051 RM053",
        authorization({**SEL, "rules": [{"from": [OWN], "to": [{"operation": {"ports": ["10002-10012"]}}]}]}),
    ),
    "port number int": beside(
        "RM051 RM053", authorization({**SEL, "rules": [{"from": [OWN], "to": [{"operation": {"ports": [6379]}}]}]})
    ),
    "port wildcard": beside(
        "RM051 RM053", authorization({**SEL, "rules": [{"from": [OWN], "to": [{"operation": {"ports": ["*"]}}]}]})
    ),
    "notPorts users only": beside(
        "RM051", authorization({**SEL, "rules": [{"from": [OWN], "to": [{"operation": {"notPorts": ["6379"]}}]}]})
    ),
    "notPorts 8265 ok": beside(
        "", authorization({**SEL, "rules": [{"from": [OWN], "to": [{"operation": {"notPorts": ["8265"]}}]}]})
    ),
    "deny notPorts": beside(
        "RM051", authorization({**SEL, "action": "DENY", "rules": [{"to": [{"operation": {"notPorts": ["8265"]}}]}]})
    ),
    "deny notPrincipals own": beside(
        "",
        authorization(
            {
                **SEL,
                "action": "DENY",
                "rules": [{"from": [{"source": {"notPrincipals": ["cluster.local/ns/default/sa/default"]}}]}],
            }
        ),
    ),
    "deny notPrincipals wrong": beside(
        "RM051",
        authorization(
            {
                **SEL,
                "action": "DENY",
                "rules": [{"from": [{"source": {"notPrincipals": ["cluster.local/ns/default/sa/ray"]}}]}],
            }
        ),
    ),
    "deny notNamespaces other": beside(
        "RM051",
        authorization({**SEL, "action": "DENY", "rules": [{"from": [{"source": {"notNamespaces": ["ingress"]}}]}]}),
    ),
    "deny notNamespaces other 8265 only": beside(
        "",
        authorization(
            {
                **SEL,
                "action": "DENY",
                "rules": [
                    {"from": [{"source": {"notNamespaces": ["ingress"]}}], "to": [{"operation": {"ports": ["8265"]}}]}
                ],
            }
        ),
    ),
    "allow notNamespaces own": beside(
        "RM051", authorization({**SEL, "rules": [{"from": [{"source": {"notNamespaces": ["default"]}}]}]})
    ),
    "two policies union": beside(
        "",
        policy({"from": [OWN], **operation(ports=EVERY_PORT[:4])}, name="a"),
        policy({"from": [OWN], **operation(ports=EVERY_PORT[4:])}, name="b"),
    ),
    "two froms or": beside("", policy({"from": [{"source": {"namespaces": ["tools"]}}, OWN]})),
    "one source with both fields": beside(
        "RM051", policy(source(namespaces=["default"], principals=["cluster.local/ns/tools/sa/x"]))
    ),
    "suffix principal": beside("", policy(source(principals=["*/ns/default/sa/default"]))),
    "suffix principal wrong": beside("RM051", policy(source(principals=["*/sa/other"]))),
    "prefix ns": beside("", policy(source(principals=["cluster.local/ns/default/*"]))),
    "inner star": beside("RM051", policy(source(principals=["cluster.local/ns/*/sa/default"]))),
    "root allow nothing": beside("RM051", authorization({}, space="istio-system")),
    "root deny port": beside(
        "RM051",
        authorization(
            {"action": "DENY", "rules": [{"to": [{"operation": {"ports": ["6379"]}}]}]}, space="istio-system"
        ),
    ),
    "root deny not mesh ns": beside(
        "",
        authorization(
            {"action": "DENY", "rules": [{"from": [{"source": {"notPrincipals": ["*"]}}]}]}, space="istio-system"
        ),
    ),
    "audit": beside(
        "", authorization({**SEL, "action": "AUDIT", "rules": [{"to": [{"operation": {"ports": ["6379"]}}]}]})
    ),
    "dry run deny": beside(
        "", authorization({**SEL, "action": "DENY", "rules": [{}]}, annotations={"istio.io/dry-run": "true"})
    ),
    "worker only allow head missing": beside(
        "RM051",
        policy(
            {"from": [OWN], **operation(ports=["6379"])},
            selector={"matchLabels": {"ray.io/cluster": "mine", "ray.io/node-type": "worker"}},
        ),
    ),
    "head only allow all": beside("", policy({"from": [OWN]}, selector=HEAD)),
    "worker ports for head only": beside(
        "RM051", policy({"from": [OWN], **operation(ports=[p for p in EVERY_PORT if p != "6379"])}, selector=HEAD)
    ),
    "worker ports for worker only": beside(
        "",
        policy(
            {"from": [OWN], **operation(ports=[p for p in EVERY_PORT if p != "6379"])},
            selector={"matchLabels": {"ray.io/node-type": "worker"}},
        ),
    ),
    "or-ed rules": beside("RM030", policy(source(namespaces=["default"]), operation(ports=["6379", "8265"]))),
    "or-ed: from star": beside("RM030", policy(source(principals=["*"]), operation(ports=["8265"]))),
    "or-ed other port": beside(
        "", policy({"from": [OWN]}, {"from": [{"source": {"namespaces": ["ingress"]}}], **operation(ports=["8265"])})
    ),
    "users rule 8265 public on purpose": beside("RM030", policy({"from": [OWN]}, operation(ports=["8265"]))),
    "custom ok": beside(
        "",
        authorization(
            {
                **SEL,
                "action": "CUSTOM",
                "provider": {"name": "x"},
                "rules": [{"to": [{"operation": {"ports": ["8265"], "paths": ["/x"]}}]}],
            }
        ),
    ),
    "custom no provider": beside(
        "RM053", authorization({**SEL, "action": "CUSTOM", "rules": [{"to": [{"operation": {"ports": ["8265"]}}]}]})
    ),
    "when source.principal own": beside(
        "", policy({"when": [{"key": "source.principal", "values": ["cluster.local/ns/default/sa/default"]}]})
    ),
    "when dest port few": beside(
        "RM051", policy({"from": [OWN], "when": [{"key": "destination.port", "values": ["6379"]}]})
    ),
    "when notValues dest port": beside(
        "RM051", policy({"from": [OWN], "when": [{"key": "destination.port", "notValues": ["6379"]}]})
    ),
    "connection.sni": beside("", policy({"when": [{"key": "connection.sni", "values": ["*"]}]})),
    "v1alpha rbac other kind": beside(
        "", authorization({**SEL, "rules": []}).replace("security.istio.io/v1", "rbac.istio.io/v1alpha1")
    ),
    "np deny all": beside("RM054 RM055 RM056 RM057", network(policyTypes=["Ingress", "Egress"])),
    "np ingress only default deny": beside("RM054", network()),
    "np egress key only types ingress": beside("RM054", network(policyTypes=["Ingress"], egress=[{}])),
    "np ingress from own": beside("", network(ingress=[{"from": [EACH_OTHER]}])),
    "np ingress from ns selector own label": beside(
        "",
        network(
            ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}]}]
        ),
    ),
    "np ingress from ns other": beside(
        "RM054",
        network(ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}]}]),
    ),
    "np ingress ns In": beside(
        "",
        network(
            ingress=[
                {
                    "from": [
                        {
                            "namespaceSelector": {
                                "matchExpressions": [
                                    {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["default", "x"]}
                                ]
                            }
                        }
                    ]
                }
            ]
        ),
    ),
    "np ingress ns NotIn": beside(
        "RM054",
        network(
            ingress=[
                {
                    "from": [
                        {
                            "namespaceSelector": {
                                "matchExpressions": [
                                    {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["default"]}
                                ]
                            }
                        }
                    ]
                }
            ]
        ),
    ),
    "np ipblock narrow": beside("", network(ingress=[{"from": [{"ipBlock": {"cidr": "10.244.0.0/16"}}]}])),
    "np ipblock all": beside("", network(ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}])),
    "np ipblock all except": beside(
        "", network(ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}])
    ),
    "np endPort all": beside(
        "", network(ingress=[{"from": [EACH_OTHER], "ports": [{"port": 1024, "endPort": 65535}]}])
    ),
    "np endPort few": beside(
        "RM054", network(ingress=[{"from": [EACH_OTHER], "ports": [{"port": 6379, "endPort": 6383}, {"port": 52365}]}])
    ),
    "np UDP only": beside("RM054", network(ingress=[{"from": [EACH_OTHER], "ports": [{"protocol": "UDP"}]}])),
    "np TCP all": beside("", network(ingress=[{"from": [EACH_OTHER], "ports": [{"protocol": "TCP"}]}])),
    "np named port nobody lists": beside(
        "RM054", network(ingress=[{"from": [EACH_OTHER], "ports": [{"port": "gcs-server"}]}])
    ),
    "np other ns": beside("", network(space="other")),
    "np other pods": beside("", network(pods_={"matchLabels": {"app": "web"}})),
    "np all pods of ns": beside("RM054", network(pods_={})),
    "np by app label": beside("RM054", network(pods_={"matchLabels": {"app": "mine"}})),
    "np by is-ray-node": beside("RM054", network(pods_={"matchLabels": {"ray.io/is-ray-node": "yes"}})),
    "np head only, from worker": beside(
        "", network(pods_=HEAD, ingress=[{"from": [{"podSelector": {"matchLabels": {"ray.io/node-type": "worker"}}}]}])
    ),
    "np worker only from head only": beside(
        "RM054",
        network(
            pods_={"matchLabels": {"ray.io/node-type": "worker"}},
            ingress=[{"from": [{"podSelector": {"matchLabels": {"ray.io/node-type": "head"}}}]}],
        ),
    ),
    "np union": beside(
        "",
        network(ingress=[{"from": [EACH_OTHER], "ports": tcp(6379)}], name="a"),
        network(ingress=[{"from": [EACH_OTHER]}], name="b"),
    ),
    "np egress dns tcp only": beside(
        "RM055 RM056 RM057",
        network(policyTypes=["Egress"], egress=[{"to": [EACH_OTHER]}, {"ports": [{"port": 53, "protocol": "TCP"}]}]),
    ),
    "np egress dns kube-system": beside(
        "RM056 RM057",
        network(
            policyTypes=["Egress"],
            egress=[
                {"to": [EACH_OTHER]},
                {
                    "to": [
                        {
                            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                        }
                    ],
                    "ports": [{"port": 53, "protocol": "UDP"}],
                },
            ],
        ),
    ),
    "np egress dns+istiod": beside("", network(policyTypes=["Egress"], egress=[{"to": [EACH_OTHER]}, DNS, ISTIOD])),
    "np egress all": beside("", network(policyTypes=["Egress"], egress=[{}])),
    "np egress types absent": beside("RM054", network(egress=[{}])),
    "np from empty list": beside("", network(ingress=[{"from": [], "ports": []}])),
    "np v1beta1": beside("", network().replace("networking.k8s.io/v1", "extensions/v1beta1")),
    "ra head": beside("RM052", tokens({"selector": HEAD, "jwtRules": JWT})),
    "ra ns wide": beside("", tokens({"jwtRules": JWT})),
    "ra worker": beside("", tokens({"selector": {"matchLabels": {"ray.io/node-type": "worker"}}, "jwtRules": JWT})),
    "ra other": beside("", tokens({"selector": {"matchLabels": {"app": "x"}}, "jwtRules": JWT})),
    "ra no issuer": beside("RM052 RM097", tokens({"selector": HEAD, "jwtRules": [{"jwks": "{}"}]})),
    "ra target": beside(
        "",
        tokens(
            {"targetRefs": [{"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "x"}], "jwtRules": JWT}
        ),
    ),
    "an account of their own": case(
        "", pods(spec={"serviceAccountName": "ray"}), authorization({"rules": [{"from": [{"source": OF_RAY}]}]})
    ),
    "the default account, and pods of another": case(
        "RM051",
        pods(spec={"serviceAccountName": "ray"}),
        authorization({"rules": [{"from": [{"source": OF_DEFAULT}]}]}),
    ),
    "an account of another namespace": beside(
        "RM051",
        authorization({"rules": [{"from": [{"source": {"principals": ["cluster.local/ns/other/sa/default"]}}]}]}),
    ),
    "who has no identity is kept out": beside(
        "", authorization({"action": "DENY", "rules": [{"from": [{"source": {"notPrincipals": ["*"]}}]}]})
    ),
    "one rule for a port, one for all the others": beside(
        "",
        authorization(
            {
                "rules": [
                    {
                        "from": [{"source": {"namespaces": ["default"]}}],
                        "to": [{"operation": {"notPorts": ["6379"]}}],
                    },
                    {"from": [{"source": {"namespaces": ["default"]}}], "to": [{"operation": {"ports": ["6379"]}}]},
                ]
            }
        ),
    ),
    "another namespace's is kept out by when": beside(
        "",
        authorization({"action": "DENY", "rules": [{"when": [{"key": "source.namespace", "notValues": ["default"]}]}]}),
    ),
    "methods that gRPC does not use are kept out": beside(
        "",
        authorization(
            {"action": "DENY", "rules": [{"to": [{"operation": {"methods": ["TRACE"], "ports": ["6380"]}}]}]}
        ),
    ),
    "to workers from the head alone": beside(
        "RM054",
        network(
            pods_={"matchLabels": {"ray.io/cluster": "mine", "ray.io/node-type": "worker"}},
            ingress=[{"from": [{"podSelector": {"matchLabels": {"ray.io/node-type": "head"}}}]}],
        ),
    ),
    "to the head from workers": beside(
        "",
        network(
            pods_={"matchLabels": {"ray.io/cluster": "mine", "ray.io/node-type": "head"}},
            ingress=[{"from": [{"podSelector": {"matchLabels": {"ray.io/node-type": "worker"}}}]}],
        ),
    ),
    "nobody to pods that have a label": beside(
        "RM054", network(pods_={"matchExpressions": [{"key": "ray.io/cluster", "operator": "Exists"}]})
    ),
}
