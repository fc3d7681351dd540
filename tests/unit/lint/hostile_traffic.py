"""Hostile inputs: routes, destinations, entries and Sidecars around Ray's names, down to their inner fields."""

from __future__ import annotations

from typing import Any

from tests.unit.lint.hostile import Case, beside
from tests.unit.lint.mesh_examples import MINE, thing

HOST = "mine-headless-svc.default.svc.cluster.local"
SELF = [{"destination": {"host": HOST}}]
OFF: dict[str, Any] = {"tls": {"mode": "DISABLE"}}
LABELS = {"labels": {"ray.io/cluster": "mine"}}
HTTP = {"number": 80, "name": "http", "protocol": "HTTP"}


def rule(rules: str, spec: dict[str, Any], *, host: str = HOST, space: str = "default") -> Case:
    """A DestinationRule beside the right cluster."""
    return beside(rules, thing("DestinationRule", {"host": host, **spec}, space=space))


def policy(rules: str, **traffic: Any) -> Case:
    return rule(rules, {"trafficPolicy": traffic})


def gateway(rules: str, *http: dict[str, Any], **spec: Any) -> Case:
    """A VirtualService of a gateway, which leaves the mesh's own calls alone."""
    told = {"hosts": [HOST], "gateways": ["ingress/web"], **({"http": list(http)} if http else {}), **spec}
    return beside(rules, thing("VirtualService", told))


def sidecar(rules: str, spec: dict[str, Any], *, space: str = "default", own: bool = True) -> Case:
    return beside(rules, thing("Sidecar", {**({"workloadSelector": LABELS} if own else {}), **spec}, space=space))


def entry(rules: str, *hosts: str, **spec: Any) -> Case:
    return beside(rules, thing("ServiceEntry", {"hosts": list(hosts), "ports": [HTTP], **spec}))


def peers(rules: str, *specs: dict[str, Any], space: str = "default", ages: tuple[str, ...] = ()) -> Case:
    texts = [
        thing("PeerAuthentication", spec, name=f"p{i}", space=space, **({"creationTimestamp": ages[i]} if ages else {}))
        for i, spec in enumerate(specs)
    ]
    return beside(rules, *texts)


STRICT, OPEN = {"mtls": {"mode": "STRICT"}}, {"mtls": {"mode": "PERMISSIVE"}}
CASES = {
    "the mesh's own TLS": policy("", tls={"mode": "ISTIO_MUTUAL"}),
    "no TLS at one of Ray's ports": policy("RM059", portLevelSettings=[{"port": {"number": 6379}, **OFF}]),
    "no TLS at a port of nobody": policy("", portLevelSettings=[{"port": {"number": 9999}, **OFF}]),
    "no TLS for all of the namespace": rule("RM059", {"trafficPolicy": OFF}, host="*.default.svc.cluster.local"),
    "no TLS for the whole world": rule("RM059", {"trafficPolicy": OFF}, host="*.local"),
    "no TLS by the short name": rule("RM059", {"trafficPolicy": OFF}, host="mine-headless-svc"),
    "no TLS by a name that is neither short nor whole": rule(
        "", {"trafficPolicy": OFF}, host="mine-headless-svc.default"
    ),
    "a short name elsewhere": rule("", {"trafficPolicy": OFF}, host="mine-headless-svc", space="other"),
    "no TLS, from the root": rule("RM059", {"trafficPolicy": OFF}, space="istio-system"),
    "no TLS, from the root, for itself": rule("", {"trafficPolicy": OFF, "exportTo": ["."]}, space="istio-system"),
    "no TLS of a subset that no route takes": rule(
        "", {"subsets": [{"name": "a", "labels": {"app": "mine"}, "trafficPolicy": OFF}]}
    ),
    "a timeout without a unit": policy("RM097", connectionPool={"tcp": {"connectTimeout": "5"}}),
    "a timeout of a day": policy("RM097", connectionPool={"tcp": {"connectTimeout": "1d"}}),
    "a timeout that switches off": policy("", connectionPool={"tcp": {"idleTimeout": "0s"}}),
    "a timeout that can't be none": policy("RM097", connectionPool={"tcp": {"connectTimeout": "0s"}}),
    "a number in quotes": policy("RM097", connectionPool={"tcp": {"maxConnections": "10"}}),
    "a number below none": policy("RM097", connectionPool={"http": {"maxRetries": -1}}),
    "a pool of nothing": policy("RM097", connectionPool={}),
    "an unknown field of a pool": policy("RM097", connectionPool={"tcp": {"keepalive": {}}}),
    "keepalive": policy("", connectionPool={"tcp": {"tcpKeepalive": {"time": "300s", "interval": "75s", "probes": 5}}}),
    "keepalive without a time": policy("RM097", connectionPool={"http": {"http2KeepAlive": {"interval": "5s"}}}),
    "two ways to hash": policy("RM097", loadBalancer={"consistentHash": {"useSourceIp": True, "httpHeaderName": "x"}}),
    "one way to hash": policy("", loadBalancer={"consistentHash": {"httpHeaderName": "x"}}),
    "simple, and hashed": policy("RM097", loadBalancer={"simple": "RANDOM", "consistentHash": {"useSourceIp": True}}),
    "a balancer in small letters": policy("RM097", loadBalancer={"simple": "round_robin"}),
    "a table that is no prime": policy("RM097", loadBalancer={"consistentHash": {"maglev": {"tableSize": 65536}}}),
    "shares that are not all": policy(
        "RM097", loadBalancer={"localityLbSetting": {"distribute": [{"from": "a/*", "to": {"a/*": 80}}]}}
    ),
    "shares that are all": policy(
        "", loadBalancer={"localityLbSetting": {"distribute": [{"from": "a/*", "to": {"a/*": 80, "b/*": 20}}]}}
    ),
    "a region to itself": policy("RM097", loadBalancer={"localityLbSetting": {"failover": [{"from": "a", "to": "a"}]}}),
    "who fails is left out": policy("", outlierDetection={"consecutive5xxErrors": 5, "interval": "10s"}),
    "more than all are left out": policy("RM097", outlierDetection={"maxEjectionPercent": 150}),
    "failures of one side": policy("RM097", outlierDetection={"consecutiveLocalOriginFailures": 3}),
    "a share of a percent": policy("RM097", outlierDetection={"minHealthPercent": 0.5}),
    "certificates of its own, trusting all": policy(
        "RM059 RM097", tls={"mode": "SIMPLE", "insecureSkipVerify": True, "caCertificates": "/ca"}
    ),
    "seen by the same twice": rule("RM097", {"exportTo": [".", "default"], "trafficPolicy": {"tls": {}}}),
    "for pods of its own, seen by all": rule(
        "RM097", {"exportTo": ["*"], "workloadSelector": MINE, "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}
    ),
    "a route with all that there is": gateway(
        "",
        {
            "match": [{"uri": {"regex": "/api/v[0-9]+/.*"}, "headers": {"x-user": {"exact": "a"}}, "port": 443}],
            "route": [
                {"destination": {"host": HOST, "port": {"number": 8265}}, "weight": 90},
                {**SELF[0], "weight": 10},
            ],
            "retries": {"attempts": 3, "perTryTimeout": "2s", "retryOn": "5xx,reset,503"},
            "timeout": "1m30s",
            "fault": {"delay": {"fixedDelay": "5s", "percentage": {"value": 0.1}}},
            "mirror": {"host": HOST},
            "mirrorPercentage": {"value": 5},
            "corsPolicy": {"allowOrigins": [{"regex": "https://.*"}], "allowMethods": ["GET"], "maxAge": "24h"},
            "headers": {"request": {"set": {"x-a": "%REQ(:path)%"}, "remove": ["x-b"]}},
            "rewrite": {"uri": "/"},
        },
    ),
    "retries that are off, and on": gateway("RM097", {"route": SELF, "retries": {"attempts": 0, "retryOn": "5xx"}}),
    "retries on words with spaces": gateway(
        "RM097", {"route": SELF, "retries": {"attempts": 2, "retryOn": "5xx, reset"}}
    ),
    "retries on a number of HTTP's": gateway("", {"route": SELF, "retries": {"attempts": 2, "retryOn": "503,429"}}),
    "retries on a number of nobody's": gateway("RM097", {"route": SELF, "retries": {"attempts": 2, "retryOn": "599"}}),
    "a timeout as a number": gateway("RM097", {"route": SELF, "timeout": 10}),
    "a timeout in parts of a millisecond": gateway("RM097", {"route": SELF, "timeout": "1.5005s"}),
    "there and elsewhere": gateway("RM097", {"route": SELF, "redirect": {"uri": "/x"}}),
    "elsewhere": gateway("", {"redirect": {"uri": "/x", "redirectCode": 308}}),
    "elsewhere by a code that is none": gateway("RM097", {"redirect": {"uri": "/x", "redirectCode": 200}}),
    "elsewhere, to nowhere": gateway("RM097", {"redirect": {}}),
    "an answer": gateway("", {"directResponse": {"status": 503, "body": {"string": "closed"}}}),
    "an answer without a status": gateway("RM097", {"directResponse": {"body": {"string": "closed"}}}),
    "an expression that looks around": gateway("RM097", {"match": [{"uri": {"regex": "/(?!x)"}}], "route": SELF}),
    "an expression of RE2's own": gateway("", {"match": [{"uri": {"regex": r"/\pL+"}}], "route": SELF}),
    "two matches of one thing": gateway("RM097", {"match": [{"uri": {"exact": "/x", "prefix": "/"}}], "route": SELF}),
    "an empty prefix of a header": gateway("RM097", {"match": [{"headers": {"x": {"prefix": ""}}}], "route": SELF}),
    "an empty prefix of a path": gateway("", {"match": [{"uri": {"prefix": ""}}], "route": SELF}),
    "two places without weights": gateway("RM097", {"route": [*SELF, *SELF]}),
    "a weight below none": gateway("RM097", {"route": [{**SELF[0], "weight": -1}]}),
    "a percent sign by itself": gateway("RM097", {"route": SELF, "headers": {"response": {"set": {"x": "50%"}}}}),
    "the host as a header of the answer": gateway(
        "RM097", {"route": SELF, "headers": {"response": {"set": {"host": "x"}}}}
    ),
    "a rewrite of nothing": gateway("RM097", {"route": SELF, "rewrite": {}}),
    "a fault of nothing": gateway("RM097", {"route": SELF, "fault": {}}),
    "a fault by a word of gRPC": gateway("", {"route": SELF, "fault": {"abort": {"grpcStatus": "UNAVAILABLE"}}}),
    "a fault by a number of gRPC": gateway("RM097", {"route": SELF, "fault": {"abort": {"grpcStatus": "14"}}}),
    "given to another": gateway("", {"delegate": {"name": "a", "namespace": "b"}}),
    "TLS by its names": gateway("", tls=[{"match": [{"sniHosts": [HOST]}], "route": SELF}]),
    "TLS without names": gateway("RM097", tls=[{"match": [{"port": 443}], "route": SELF}]),
    "TLS by names of others": gateway("RM097", tls=[{"match": [{"sniHosts": ["a.b"]}], "route": SELF}]),
    "TCP from a network that is none": gateway(
        "RM097", tcp=[{"match": [{"destinationSubnets": ["10.0.0"]}], "route": SELF}]
    ),
    "a gateway by a bad name": gateway("RM097", {"route": SELF}, gateways=["ingress/"]),
    "an entry of others": entry("", "example.org", resolution="DNS"),
    "an entry of others with endpoints": entry(
        "", "example.org", resolution="NONE", endpoints=[{"address": "10.0.0.1"}]
    ),
    "an entry of all names of others": entry("", "*.example.org", resolution="DYNAMIC_DNS", location="MESH_EXTERNAL"),
    "Ray's name, by names": entry("RM061 RM097", HOST, resolution="STATIC", endpoints=[{"address": "a.b"}]),
    "Ray's name, by two ways": entry(
        "RM061 RM097", HOST, resolution="STATIC", workloadSelector=LABELS, endpoints=[{"address": "10.0.0.1"}]
    ),
    "what is around, and the control plane": sidecar("", {"egress": [{"hosts": ["./*", "istio-system/*"]}]}),
    "all but one namespace": sidecar("", {"egress": [{"hosts": ["*/*", "~other/*"]}]}),
    "a short name": sidecar("RM058 RM097", {"egress": [{"hosts": ["./mine-headless-svc"]}]}),
    "another namespace alone": sidecar("RM058", {"egress": [{"hosts": ["other/*"]}]}),
    "nothing, for all of the namespace": sidecar("RM058", {"egress": [{"hosts": ["~/*"]}]}, own=False),
    "from the root, each its own": sidecar(
        "", {"egress": [{"hosts": ["./*", "istio-system/*"]}]}, space="istio-system", own=False
    ),
    "what is known alone": sidecar(
        "", {"egress": [{"hosts": ["./*"]}], "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}
    ),
    "an egress at port 0": sidecar(
        "RM058 RM097", {"egress": [{"hosts": ["./*"], "port": {"number": 0, "protocol": "TCP"}}]}
    ),
    "a proxy without a port": sidecar(
        "RM097",
        {
            "egress": [{"hosts": ["./*"]}],
            "outboundTrafficPolicy": {"mode": "ALLOW_ANY", "egressProxy": {"host": "a.b"}},
        },
    ),
    "an endpoint elsewhere": sidecar(
        "RM097",
        {"egress": [{"hosts": ["./*"]}], "ingress": [{"port": {"number": 8000}, "defaultEndpoint": "10.0.0.1:8000"}]},
    ),
    "two of one mind": peers("", STRICT, STRICT),
    "two of two minds": peers("RM063", STRICT, OPEN),
    "three": peers("RM063", STRICT, OPEN, {"mtls": {"mode": "DISABLE"}}),
    "two of two minds, of two ages": peers(
        "RM063", OPEN, STRICT, ages=("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z")
    ),
    "two of two minds for the whole mesh": peers("RM063", STRICT, OPEN, space="istio-system"),
    "one for the pods, one for the namespace": peers("", {"selector": MINE, **STRICT}, OPEN),
    "two selectors that hold the same pods": peers(
        "RM063", {"selector": MINE, **STRICT}, {"selector": {"matchLabels": {"app": "mine"}}, **OPEN}
    ),
}
