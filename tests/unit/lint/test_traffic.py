"""Kinds of Istio that lead Ray's calls elsewhere or speak to it otherwise, and what pods take out of their sidecars."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.lint.examples import CLEAN
from tests.unit.lint.mesh_examples import HEAD, MINE, found, messages, pods, thing

SERVICE = "mine-headless-svc.default.svc.cluster.local"
HEAD_SERVICE = "mine-head-svc.default.svc.cluster.local"


def sidecar(*hosts: str, labels: Any = None, space: str = "default", port: int | None = None, name: str = "it") -> str:
    egress = {"hosts": list(hosts), **({"port": {"number": port, "protocol": "TCP", "name": "p"}} if port else {})}
    spec = {"egress": [egress], **({"workloadSelector": {"labels": labels}} if labels else {})}
    return thing("Sidecar", spec, space=space, name=name)


@pytest.mark.parametrize(
    "text",
    [
        sidecar("istio-system/*"),
        sidecar("~/*"),
        sidecar("other/*", "istio-system/*"),
        sidecar(f"./{SERVICE}"),
        sidecar(f"./{HEAD_SERVICE}"),
        sidecar("istio-system/*", labels={"ray.io/node-type": "head"}),
        sidecar("istio-system/*", space="istio-system"),
        sidecar("./*", port=6379),
        sidecar("./*", name="wide") + "---\n" + sidecar("other/*", labels={"app": "mine"}),
    ],
)
def test_a_sidecar_that_hides_rays_services_is_found(text: str) -> None:
    assert "RM058" in found(CLEAN, text)


@pytest.mark.parametrize(
    "text",
    [
        sidecar("./*", "istio-system/*"),
        sidecar("*/*"),
        sidecar("default/*"),
        sidecar("*/*.svc.cluster.local"),
        sidecar(f"./{SERVICE}", f"default/{HEAD_SERVICE}"),
        sidecar("istio-system/*", labels={"app": "other"}),
        sidecar("istio-system/*", space="elsewhere"),
        thing("Sidecar", {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}),
        sidecar("istio-system/*", name="wide") + "---\n" + sidecar("./*", labels={"app": "mine"}),
        sidecar("other/*", space="istio-system") + "---\n" + sidecar("./*"),
    ],
)
def test_a_sidecar_that_shows_them_is_right(text: str) -> None:
    assert found(CLEAN, text) == []


def destinations(host: str, mode: str | None = None, *, space: str = "default", **policy: Any) -> str:
    spec = {"host": host, "trafficPolicy": {**({"tls": {"mode": mode}} if mode else {}), **policy}}
    return thing("DestinationRule", spec, space=space)


def at_port(number: int, mode: str | None) -> list[Any]:
    return [{"port": {"number": number}, **({"tls": {"mode": mode}} if mode else {})}]


@pytest.mark.parametrize(
    "text",
    [
        *(destinations(SERVICE, mode) for mode in ("DISABLE", "SIMPLE", "MUTUAL")),
        destinations("mine-head-svc", "DISABLE"),
        destinations("*.default.svc.cluster.local", "DISABLE"),
        destinations("*.local", "DISABLE", space="istio-system"),
        destinations(SERVICE, "ISTIO_MUTUAL", portLevelSettings=at_port(6381, "DISABLE")),
        destinations(SERVICE, portLevelSettings=at_port(10005, "SIMPLE")),
    ],
)
def test_clients_without_the_meshs_certificate_are_found(text: str) -> None:
    assert "RM059" in found(CLEAN, text)


@pytest.mark.parametrize(
    "text",
    [
        destinations(SERVICE, "ISTIO_MUTUAL"),
        destinations(SERVICE),
        destinations(SERVICE, connectionPool={"tcp": {"maxConnections": 100}}),
        destinations("other", "DISABLE"),
        destinations("*.example.test", "SIMPLE"),
        destinations(SERVICE, "DISABLE", space="elsewhere"),
        destinations(SERVICE, portLevelSettings=at_port(8265, "DISABLE")),
        destinations("*.local", "DISABLE", space="istio-system") + "---\n" + destinations("*.local", "ISTIO_MUTUAL"),
        destinations("*.local", "DISABLE")
        + "---\n"
        + destinations("mine-headless-svc", "ISTIO_MUTUAL")
        # the more specific host is what counts, for each of the two Services
        + "---\n"
        + destinations("mine-head-svc", "ISTIO_MUTUAL"),
        thing(
            "DestinationRule",
            {"host": SERVICE, "subsets": [{"name": "a", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}]},
        ),
        destinations(SERVICE, "DISABLE") + "---\n" + thing("PeerAuthentication", {"mtls": {"mode": "DISABLE"}}),
    ],
)
def test_clients_with_it_and_rules_of_others_are_right(text: str) -> None:
    assert "RM059" not in found(CLEAN, text)


def routes(
    host: str, *, kind: str = "http", gateways: list[str] | None = None, space: str = "default", **route: Any
) -> str:
    route.setdefault("route", [{"destination": {"host": host}}])
    spec = {"hosts": [host], kind: [route], **({"gateways": gateways} if gateways else {})}
    return thing("VirtualService", spec, space=space)


ELSEWHERE = [{"destination": {"host": "other"}}]


@pytest.mark.parametrize(
    "text",
    [
        routes("mine-headless-svc", timeout="10s"),
        routes(SERVICE, fault={"abort": {"httpStatus": 500, "percentage": {"value": 1}}}),
        routes(SERVICE, route=ELSEWHERE),
        routes(SERVICE, gateways=["users", "mesh"], timeout="1s"),
        routes(SERVICE, rewrite={"uri": "/"}),
        routes("mine-head-svc", kind="tcp", route=ELSEWHERE),
        routes(
            "mine-head-svc", kind="tcp", route=[{"destination": {"host": "mine-head-svc", "port": {"number": 8265}}}]
        ),
        routes("*.svc.cluster.local", route=ELSEWHERE),
        routes("*.default.svc.cluster.local", route=ELSEWHERE, space="istio-system"),
    ],
)
def test_routes_that_catch_rays_calls_are_found(text: str) -> None:
    assert "RM060" in found(CLEAN, text)


@pytest.mark.parametrize(
    "text",
    [
        routes("mine-head-svc", gateways=["users"], timeout="1s"),
        routes(
            "ray.example.test",
            gateways=["users"],
            route=[{"destination": {"host": HEAD_SERVICE, "port": {"number": 8265}}}],
        ),
        routes("mine-headless-svc"),
        routes("mine-head-svc", timeout="10s"),  # the head's ports are TCP: routes of HTTP rest
        routes("other", timeout="1s"),
        routes(SERVICE, timeout="1s", space="elsewhere"),
        routes(SERVICE, timeout="1s", match=[{"port": 8080}]),
        routes("mine-head-svc", kind="tcp", match=[{"port": 8265}], route=ELSEWHERE),
    ],
)
def test_routes_for_users_and_of_others_are_right(text: str) -> None:
    assert found(CLEAN, text) == []


def entry(host: str, location: str = "MESH_EXTERNAL", **where: Any) -> str:
    spec = {"hosts": [host], "location": location, "ports": [{"number": 6379, "name": "tcp", "protocol": "TCP"}]}
    return thing("ServiceEntry", spec, **where)


@pytest.mark.parametrize("host", [SERVICE, HEAD_SERVICE, "*.svc.cluster.local", "*.local", f"*.{SERVICE}"])
def test_hosts_of_the_outside_with_rays_names_are_found(host: str) -> None:
    assert "RM061" in found(CLEAN, entry(host))


@pytest.mark.parametrize(
    "text",
    [
        entry("redis.example.test"),
        entry("*.example.test"),
        entry(SERVICE, space="elsewhere"),
        entry(SERVICE, "MESH_INTERNAL"),
    ],
)
def test_other_hosts_are_right(text: str) -> None:
    assert found(CLEAN, text) == []


def test_a_subset_without_pods_is_found() -> None:
    def subset(**labels: str) -> str:
        rule = {"host": "mine-head-svc", "subsets": [{"name": "a", "labels": labels}]}
        route = [{"destination": {"host": "mine-head-svc", "subset": "a"}}]
        return thing("DestinationRule", rule) + "---\n" + routes("mine-head-svc", gateways=["users"], route=route)

    assert "RM074" in found(CLEAN, subset(tier="fast"))
    assert "RM074" in found(CLEAN, subset(**{"ray.io/node-type": "worker"}))
    assert found(CLEAN, subset(app="mine")) == []


TRAFFIC = "traffic.sidecar.istio.io/"
OUT = {
    "nothing is included": {TRAFFIC + "includeInboundPorts": ""},
    "one port is included": {TRAFFIC + "includeInboundPorts": "8265"},
    "most ports are included": {TRAFFIC + "includeInboundPorts": "6379,6380,6381"},
    "a port is excluded": {TRAFFIC + "excludeInboundPorts": "9090, 6381"},
    "a port of others is excluded": {TRAFFIC + "excludeOutboundPorts": "10005"},
    "no range is included": {TRAFFIC + "includeOutboundIPRanges": ""},
    "one port goes out": {TRAFFIC + "includeOutboundIPRanges": "", TRAFFIC + "includeOutboundPorts": "6379"},
    "every range is excluded": {TRAFFIC + "excludeOutboundIPRanges": "0.0.0.0/0"},
    "no interception": {"sidecar.istio.io/interceptionMode": "NONE"},
    "no interception, by config": {"proxy.istio.io/config": "interceptionMode: NONE"},
    "no interception, by config as JSON": {"proxy.istio.io/config": '{"interceptionMode": "NONE"}'},
}
IN = {
    "all ports": {TRAFFIC + "includeInboundPorts": "*"},
    "ports of others": {TRAFFIC + "excludeInboundPorts": "9090,8265"},
    "a database": {TRAFFIC + "excludeOutboundPorts": "5432"},
    "all ranges": {TRAFFIC + "includeOutboundIPRanges": "*"},
    "ranges nobody knows": {TRAFFIC + "excludeOutboundIPRanges": "169.254.169.254/32"},
    "excluded, but all is included by list": {
        TRAFFIC + "includeInboundPorts": ",".join(
            map(str, (6379, 6380, 6381, 6382, 6383, 52365, *range(10002, 10013)))
        ),
        TRAFFIC + "excludeInboundPorts": "6381",
    },
    "TPROXY": {"sidecar.istio.io/interceptionMode": "TPROXY"},
    "waiting for the proxy": {"proxy.istio.io/config": "holdApplicationUntilProxyStarts: true"},
    "the annotation goes first": {
        "sidecar.istio.io/interceptionMode": "REDIRECT",
        "proxy.istio.io/config": "interceptionMode: NONE",
    },
}


@pytest.mark.parametrize("annotations", OUT.values(), ids=OUT)
@pytest.mark.parametrize("only", [0, 1])
def test_ports_that_pods_take_out_are_found(annotations: dict[str, str], only: int) -> None:
    assert "RM034" in found(pods(annotations=annotations, only=only))


@pytest.mark.parametrize("annotations", IN.values(), ids=IN)
def test_pods_that_keep_rays_ports_in_are_right(annotations: dict[str, str]) -> None:
    assert found(pods(annotations=annotations)) == []


def test_a_port_is_out_only_where_it_is_opened_or_dialled() -> None:
    assert found(pods(annotations={TRAFFIC + "excludeInboundPorts": "6379"}, only=1)) == []
    assert "RM034" in found(pods(annotations={TRAFFIC + "excludeInboundPorts": "6379"}, only=0))
    assert found(pods(annotations={TRAFFIC + "excludeOutboundPorts": "6379"}, only=0)) == []
    assert "RM034" in found(pods(annotations={TRAFFIC + "excludeOutboundPorts": "6379"}, only=1))


@pytest.mark.parametrize(
    "annotations",
    [
        {TRAFFIC + "excludeInboundPorts": "10002-10012"},
        {TRAFFIC + "includeInboundPorts": "all"},
        {TRAFFIC + "excludeOutboundPorts": "6379;6380"},
        {TRAFFIC + "excludeOutboundPorts": "70000"},
        {TRAFFIC + "includeOutboundIPRanges": "10.0.0.1"},
        {TRAFFIC + "excludeOutboundIPRanges": "*"},
        {"sidecar.istio.io/interceptionMode": "none"},
        {"proxy.istio.io/config": "[a]"},
        {"proxy.istio.io/config": "a: b: c"},
        {"proxy.istio.io/config": "holdApplicationUntilProxyStarts: 'true'"},
    ],
)
def test_annotations_that_the_injector_refuses_are_found(annotations: dict[str, str]) -> None:
    assert "RM062" in found(pods(annotations=annotations))


@pytest.mark.parametrize(
    "where",
    [
        {"annotations": {"proxy.istio.io/config": "holdApplicationUntilProxyStart: true"}},
        {"annotations": {"proxy.istio.io/holdApplicationUntilProxyStarts": "true"}},
        {"annotations": {"holdApplicationUntilProxyStarts": "true"}},
        {"labels": {TRAFFIC + "excludeInboundPorts": "9090"}},
        {"labels": {"inject.istio.io/templates": "sidecar"}},
    ],
)
def test_settings_in_the_wrong_place_are_found(where: dict[str, Any]) -> None:
    assert "RM071" in found(pods(**where))


def peer(mode: str | None = None, *, space: str | None = "default", **spec: Any) -> str:
    return thing(
        "PeerAuthentication",
        {**({"mtls": {"mode": mode}} if mode else {}), **spec},
        space=space,
        name=f"p{mode}".lower(),
    )


def both(*texts: str) -> str:
    return "---\n".join(texts)


@pytest.mark.parametrize(
    "text",
    [
        peer("DISABLE"),
        peer("DISABLE", selector=HEAD),
        peer("DISABLE", space="istio-system"),
        both(peer("STRICT"), peer("PERMISSIVE", selector=MINE)),
        both(peer("STRICT", space="istio-system"), peer("PERMISSIVE")),
        both(peer("DISABLE", space="istio-system"), peer("UNSET")),
        peer("STRICT", selector=MINE, portLevelMtls={"6380": {"mode": "PERMISSIVE"}}),
        peer("STRICT", selector=MINE, portLevelMtls={10005: {"mode": "DISABLE"}}),
    ],
)
def test_plaintext_is_found_by_istios_precedence(text: str) -> None:
    assert "RM033" in found(CLEAN, text)


@pytest.mark.parametrize(
    "text",
    [
        peer("STRICT"),
        peer("PERMISSIVE"),
        both(peer("DISABLE", space="istio-system"), peer("STRICT")),
        both(peer("DISABLE"), peer("STRICT", selector=MINE)),
        both(peer("STRICT"), peer("PERMISSIVE", selector={"matchLabels": {"app": "other"}})),
        both(peer("STRICT"), peer("PERMISSIVE", space="elsewhere")),
        peer("STRICT", selector=HEAD, portLevelMtls={"8265": {"mode": "PERMISSIVE"}}),
        peer(
            "STRICT",
            selector={"matchLabels": {"ray.io/node-type": "worker"}},
            portLevelMtls={"6379": {"mode": "DISABLE"}},
        ),
    ],
)
def test_what_another_policy_overrules_is_right(text: str) -> None:
    assert found(CLEAN, text) == []


def test_one_peer_authentication_is_told_once_with_its_clusters() -> None:
    others = [CLEAN.replace("mine", name) for name in ("one", "two")]
    said = [m for m in messages(*others, peer("DISABLE")) if m.startswith("RM033")]
    assert len(said) == 1
    assert "one, two" in said[0]


@pytest.mark.parametrize(
    "text",
    [
        peer("STRICT", portLevelMtls={"8265": {"mode": "PERMISSIVE"}}),
        peer("STRICT", selector={}, portLevelMtls={"8265": {"mode": "PERMISSIVE"}}),
        peer("STRICT", selector=MINE, portLevelMtls={}),
        peer("STRICT", selector=MINE, portLevelMtls={"0": {"mode": "STRICT"}}),
        peer("STRICT", selector=MINE, portLevelMtls={"70000": {"mode": "STRICT"}}),
        peer("STRICT", selector=MINE, portLevelMtls={"dashboard": {"mode": "STRICT"}}),
        peer("Strict"),
        peer("STRICT", selector=MINE, portLevelMtls={"8265": {"mode": "OFF"}}),
        peer("STRICT", space="istio-system", portLevelMtls={"8265": {"mode": "PERMISSIVE"}}),
        peer("STRICT", space="istio-system", selector=MINE),
    ],
)
def test_peer_authentications_that_istio_refuses_are_found(text: str) -> None:
    assert "RM063" in found(CLEAN, text)
