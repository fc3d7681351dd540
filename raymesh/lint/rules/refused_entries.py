"""What Istio refuses of a ServiceEntry or of rules about tokens."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from raymesh.lint.rules.refused_values import PORT_CURE, Wrong, exported, is_port, labels, named_port, selected, values
from raymesh.manifests.istio_values import (
    HTTP_PROTOCOLS,
    TLS_PROTOCOLS,
    is_address,
    is_host,
    is_host_or_wildcard,
    is_label,
    is_network,
)
from raymesh.manifests.policies import ServiceEntry
from raymesh.manifests.reading import Document
from raymesh.manifests.tree import Value, child, elements, scalar, scalars

_DYNAMIC = "DYNAMIC_DNS"
_FORWARDED = ("http", "tls", "grpc", "http2")
_SOCKET = "unix://"


def entry(policy: ServiceEntry) -> Wrong:
    """Whatever Istio refuses of it, the form of its fields apart."""
    spec, doc = child(policy.root, "spec"), policy.doc
    yield from selected(doc, child(spec, "workloadSelector", "labels"), "workloadSelector")
    for value in policy.hosts:
        if value.text == "*" or not is_host_or_wildcard(value.text):
            yield value, f"host {value.text}", "a host by its name"
    resolution = scalar(doc, spec, "resolution")
    how = resolution.text if resolution else "NONE"
    for value in values(doc, child(spec, "addresses")):
        if not is_network(value.text):
            yield value, f"address {value.text!r}", "an address, or a network such as 10.0.0.0/8"
        elif "/" in value.text and how not in ("NONE", "STATIC"):
            yield value, f"network {value.text} with resolution {how}", "an address, or resolution STATIC"
    ports = elements(child(spec, "ports"))
    yield from _ports(doc, ports)
    protocols = [(scalar(doc, item, "protocol"), item) for item in ports]
    spoken = [(told.text.lower() if told else "", item) for told, item in protocols]
    apart = (*HTTP_PROTOCOLS, *TLS_PROTOCOLS)
    if how != "NONE" and len(policy.hosts) > 1:
        for one, item in spoken:
            if one not in apart:
                yield Value("", item, doc), "several hosts with a port that is neither HTTP nor TLS", "one host each"
    yield from _resolved(policy, spec, how, ports)
    if how == _DYNAMIC:
        yield from _dynamic(policy, spec, spoken)
    yield from exported(policy, to_none=True)


def _ports(doc: Document, ports: list[yaml.Node]) -> Wrong:
    seen: set[str] = set()
    for item in ports:
        name, number, target = (scalar(doc, item, field) for field in ("name", "number", "targetPort"))
        for told in (v for v in (name, number) if v is not None):
            if told.text in seen:
                yield told, f"port {told.text} twice", "take one out"
            seen.add(told.text)
        if name is None or not name.text:
            yield name or Value("", item, doc), "a port without a name", "name: NAME"
        if not is_port(number):
            yield number or Value("", item, doc), "a port without a number", f"number: {PORT_CURE}"
        if target is not None and target.text != "0" and not is_port(target):
            yield target, f"targetPort {target.text}", PORT_CURE
        yield from named_port(doc, item)


def _resolved(policy: ServiceEntry, spec: yaml.Node | None, how: str, ports: list[yaml.Node]) -> Wrong:
    """Hosts and endpoints, by the way their addresses are found."""
    doc, given = policy.doc, elements(child(spec, "endpoints"))
    if how == "NONE" and given:
        yield policy.name, "endpoints with resolution NONE", "resolution: STATIC or DNS"
    if how.startswith("DNS"):
        for value in () if given else policy.hosts:
            if not is_host(value.text):
                yield value, f"host {value.text} with resolution {how} and no endpoints", "a host without wildcards"
        if how == "DNS_ROUND_ROBIN" and len(given) > 1:
            yield policy.name, f"several endpoints with resolution {how}", "resolution: DNS"
    if how == "STATIC" or how.startswith("DNS"):
        names = {told.text for item in ports if (told := scalar(doc, item, "name")) is not None}
        for item in given:
            yield from _endpoint(doc, item, names, static=how == "STATIC")


def _endpoint(doc: Document, item: yaml.Node, names: set[str], *, static: bool) -> Wrong:
    address, network = scalar(doc, item, "address"), scalar(doc, item, "network")
    text = address.text if address is not None else ""
    where = address or Value("", item, doc)
    listed = scalars(doc, child(item, "ports"))
    if not text:
        if not (static and network is not None and network.text):
            yield where, "an endpoint without an address", "address: ..."
    elif static and text.startswith(_SOCKET):
        path = text.removeprefix(_SOCKET)
        if not (path.startswith("@") or (path.startswith("/") and not path.endswith("/"))):
            yield where, f"endpoint {text!r} is no path of a socket", "unix:///PATH"
        if listed:
            yield where, f"endpoint {text} with ports", "no ports"
        if len(names) != 1:
            yield where, f"endpoint {text} of a ServiceEntry with {len(names)} ports", "one port"
    elif not is_address(text) and (static or not is_host(text)):
        yield where, f"endpoint {text!r} is no address", "an address" if static else "an address, or a host's name"
    for name, value in listed.items():
        if name not in names or not is_label(name):
            yield value, f"port {name} of an endpoint is none of the ServiceEntry's", "one of spec.ports"
    yield from labels(doc, child(item, "labels"))


def _dynamic(policy: ServiceEntry, spec: yaml.Node | None, spoken: list[tuple[str, yaml.Node]]) -> Wrong:
    doc = policy.doc
    for value in policy.hosts:
        if not value.text.startswith("*"):
            yield value, f"host {value.text} with resolution {_DYNAMIC}", "resolution: DNS"
    for name in ("addresses", "endpoints"):
        told = child(spec, name)
        if elements(told):
            yield Value("", told or policy.root, doc), f"{name} with resolution {_DYNAMIC}", "take them out"
    for one, item in spoken:
        if one not in _FORWARDED:
            yield Value("", item, doc), f"a port of {one or 'no protocol'} with resolution {_DYNAMIC}", "HTTP or TLS"


def token_rules(doc: Document, rules: list[yaml.Node]) -> Wrong:
    """Rules of a RequestAuthentication."""
    for item in rules:
        issuer, jwks = scalar(doc, item, "issuer"), scalar(doc, item, "jwks")
        keys = scalar(doc, item, "jwksUri") or scalar(doc, item, "jwks_uri")
        if not (issuer and issuer.text) and not (keys and keys.text):
            yield Value("", item, doc), "a token rule without issuer and jwksUri", "issuer: https://..."
        if keys is not None and keys.text and not keys.text.lower().startswith(("http:", "https:")):
            yield keys, f"jwksUri {keys.text!r}", "https://..."
        if jwks is not None and jwks.text and not _is_key_set(jwks.text):
            yield jwks, "jwks that is no set of keys", "the JSON that the issuer gives"
        for value in _headers(doc, item):
            if not value.text.replace("-", "").replace("_", "").isalnum() or not value.text.isascii():
                yield value, f"header {value.text!r}", "letters, digits and dashes"


def _headers(doc: Document, item: yaml.Node) -> Iterator[Value]:
    for one in elements(child(item, "outputClaimToHeaders")):
        told = scalar(doc, one, "header")
        if told is not None and told.text:
            yield told


def _is_key_set(text: str) -> bool:
    import json  # noqa: PLC0415 - few rules hold their keys, and start-up should be short

    try:
        told = json.loads(text)
    except ValueError:
        return False
    return isinstance(told, dict) and ("keys" in told or "kty" in told)
