"""What Istio refuses of a DestinationRule or a Sidecar: how hosts are called, and what a pod sees of the mesh."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from raymesh.lint.rules.refused_values import (
    PORT_CURE,
    Wrong,
    destination,
    exported,
    is_port,
    labels,
    named_port,
    selected,
    values,
)
from raymesh.manifests.istio_values import TLS_PROTOCOLS, is_address, is_host, is_host_or_wildcard, is_label
from raymesh.manifests.policies import DestinationRule, Policy, Sidecar
from raymesh.manifests.reading import Document
from raymesh.manifests.tree import Value, child, elements, pairs, scalar

_TRAFFIC = ("outlierDetection", "connectionPool", "loadBalancer", "tls")
_TRAFFIC_OF_HOST = (*_TRAFFIC, "portLevelSettings", "tunnel", "proxyProtocol", "retryBudget")
_TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")
_SOCKET, _OWN_ADDRESSES = "unix://", ("", "127.0.0.1", "0.0.0.0", "::1", "::")  # noqa: S104 - read, not bound
_MOST_STEPS, _ALL_OF_IT = 3, 100
_MAGLEV = "maglev"


def destination_rule(policy: DestinationRule) -> Wrong:
    """Whatever Istio refuses of it, the form of its fields apart."""
    spec, doc = child(policy.root, "spec"), policy.doc
    if not is_host_or_wildcard(policy.host.text):
        yield policy.host, f"host {policy.host.text!r} is no name of a host", "a Service's name"
    yield from _traffic(policy, child(spec, "trafficPolicy"))
    seen: set[str] = set()
    for item in elements(child(spec, "subsets")):
        name = scalar(doc, item, "name")
        if name is None or not is_label(name.text):
            yield name or Value("", item, doc), "a subset without a name of letters, digits and dashes", "name: NAME"
        elif name.text in seen:
            yield name, f"two subsets called {name.text}", "another name"
        else:
            seen.add(name.text)
        yield from labels(doc, child(item, "labels"))
        yield from _traffic(policy, child(item, "trafficPolicy"))
    chosen = child(spec, "workloadSelector")
    yield from exported(policy, own=chosen is not None)
    yield from selected(doc, child(chosen, "matchLabels"), "workloadSelector")


def _has(node: yaml.Node | None, names: Iterable[str]) -> bool:
    """Whether it says one of these; an empty list says nothing."""
    given = (child(node, name) for name in names)
    return any(one is not None and (one.value or not isinstance(one, yaml.SequenceNode)) for one in given)


def _traffic(policy: Policy, node: yaml.Node | None) -> Wrong:
    if node is None:
        return
    doc = policy.doc
    if not _has(node, _TRAFFIC_OF_HOST):
        yield Value("", node, doc), "an empty trafficPolicy", "take it out"
    yield from _called(doc, node)
    for item in elements(child(node, "portLevelSettings")):
        if child(item, "port") is None:
            yield Value("", item, doc), "portLevelSettings without a port", "port: {number: ...}"
        if not _has(item, _TRAFFIC):
            yield Value("", item, doc), "portLevelSettings that set nothing", "take them out"
        yield from _called(doc, item)
    yield from _tunnel(doc, child(node, "tunnel"))


def _called(doc: Document, node: yaml.Node) -> Wrong:
    """What a host's traffic policy and a port's have both."""
    outlier = child(node, "outlierDetection")
    yield from pool(doc, child(node, "connectionPool"))
    yield from _client_tls(doc, child(node, "tls"))
    yield from _balancer(doc, child(node, "loadBalancer"))
    local = scalar(doc, outlier, "consecutiveLocalOriginFailures")
    split = scalar(doc, outlier, "splitExternalLocalOriginErrors")
    if local is not None and local.number and not (split is not None and split.true):
        yield (
            local,
            "consecutiveLocalOriginFailures without splitExternalLocalOriginErrors",
            "splitExternalLocalOriginErrors: true",
        )


def pool(doc: Document, node: yaml.Node | None) -> Wrong:
    """The limits of connections and requests."""
    if node is None:
        return
    if not _has(node, ("http", "tcp")):
        yield Value("", node, doc), "a connectionPool with neither http nor tcp", "take it out"
    upgrade, same = scalar(doc, node, "http", "h2UpgradePolicy"), scalar(doc, node, "http", "useClientProtocol")
    if upgrade is not None and upgrade.text == "UPGRADE" and same is not None and same.true:
        yield same, "useClientProtocol with h2UpgradePolicy UPGRADE", "one of them"


def _client_tls(doc: Document, node: yaml.Node | None) -> Wrong:
    mode = scalar(doc, node, "mode")
    told = mode.text if mode is not None else "DISABLE"
    if node is None or told not in ("SIMPLE", "MUTUAL"):
        return
    where = mode or Value("", node, doc)
    given = {str(key.value) for key, value in pairs(node) if getattr(value, "value", None)}
    trusts = scalar(doc, node, "insecureSkipVerify")
    if trusts is not None and trusts.true:
        names = ("caCertificates", "subjectAltNames", *(["credentialName"] if told == "SIMPLE" else []))
        for name in names:
            if name in given or (name == "subjectAltNames" and child(node, name) is not None):
                yield trusts, f"insecureSkipVerify with {name}", "one of them"
    own = [name for name in ("clientCertificate", "caCertificates", "privateKey", "caCrl") if name in given]
    if "credentialName" in given:
        if own:
            yield where, f"credentialName with {own[0]}", "one of them"
    elif told == "MUTUAL" and not {"clientCertificate", "privateKey"} <= given:
        yield where, "tls MUTUAL without clientCertificate and privateKey", "ISTIO_MUTUAL: the mesh has its own"


def _balancer(doc: Document, node: yaml.Node | None) -> Wrong:
    if node is None:
        return
    hashed = child(node, "consistentHash")
    cookie = child(hashed, "httpCookie")
    if cookie is not None:
        named = scalar(doc, cookie, "name")
        if named is not None and not named.text:
            yield named, "an httpCookie without a name", "name: NAME"
        seen: set[str] = set()
        for item in elements(child(cookie, "attributes")):
            name = scalar(doc, item, "name")
            if name is not None and (not name.text or name.text in seen):
                yield name, f"attribute {name.text!r} of an httpCookie", "each once, with a name"
            seen.add(name.text if name is not None else "")
    ring = scalar(doc, hashed, "minimumRingSize")
    if ring is not None and ring.number and _has(hashed, ("ringHash", _MAGLEV)):
        yield ring, "minimumRingSize beside ringHash or maglev", "the size inside ringHash"
    maglev = child(hashed, _MAGLEV)
    if maglev is not None:
        size = scalar(doc, maglev, "tableSize")
        if size is None or not _is_prime(size.number or 0):
            yield size or Value("", maglev, doc), "a tableSize of maglev that is no prime", "65537"
    yield from _localities(doc, child(node, "localityLbSetting"))
    yield from _failover(doc, child(node, "localityLbSetting"), topology=False)
    yield from _failover(doc, child(node, "zoneAwareLbSetting"), topology=True)


def _is_prime(number: int) -> bool:
    """As Envoy and Istio say it, to whom 1 is one."""
    if 0 < number < 4:  # noqa: PLR2004 - 1, 2 and 3
        return True
    return number % 2 == 1 and all(number % factor for factor in range(3, int(number**0.5) + 1, 2))


def _localities(doc: Document, node: yaml.Node | None) -> Wrong:
    """Shares of what is called, by the caller's region, zone and subzone."""
    given = elements(child(node, "distribute"))
    if node is not None and given and elements(child(node, "failover")):
        yield Value("", node, doc), "localityLbSetting with distribute and failover", "one of them"
        return
    callers = []
    for item in given:
        caller = scalar(doc, item, "from")
        callers.append(caller.text if caller is not None else "")
        to = {str(key.value): value for key, value in pairs(child(item, "to"))}
        shares = [Value(str(value.value), value, doc).number or 0 for value in to.values()]
        if sum(shares) != _ALL_OF_IT:
            yield Value("", item, doc), f"shares of a locality that make {sum(shares)} %", "100 % in all"
            return
        if not _apart(list(to)):
            yield Value("", item, doc), "localities that overlap, or are none", "REGION/ZONE/SUBZONE, each once"
    if node is not None and not _apart(callers):
        yield Value("", node, doc), "localities that overlap, or are none", "REGION/ZONE/SUBZONE, each once"


def _apart(localities: list[str]) -> bool:
    """Whether none of them is in another one."""
    seen: list[list[str]] = []
    for text in localities:
        steps = text.split("/", _MOST_STEPS - 1)
        if not all(steps) or "*" in text[:-1]:
            return False
        for other in seen:
            if all(one in (two, "*") or two == "*" for one, two in zip(steps, other, strict=False)):
                return False
        seen.append(steps)
    return True


def _failover(doc: Document, node: yaml.Node | None, *, topology: bool) -> Wrong:
    pairs_of_it = elements(child(node, "failover"))
    for value in values(doc, child(node, "failoverPriority")):
        if value.text in _TOPOLOGY and (topology or pairs_of_it):
            yield value, f"failoverPriority {value.text}", "labels of another kind"
    for item in pairs_of_it:
        one, other = scalar(doc, item, "from"), scalar(doc, item, "to")
        texts = [value.text if value is not None else "" for value in (one, other)]
        if texts[0] == texts[1] or any("/" in text or "*" in text for text in texts):
            yield Value("", item, doc), f"failover from {texts[0]!r} to {texts[1]!r}", "two regions by their names"


def _tunnel(doc: Document, node: yaml.Node | None) -> Wrong:
    if node is None:
        return
    protocol, host, port = (scalar(doc, node, name) for name in ("protocol", "targetHost", "targetPort"))
    if protocol is not None and protocol.text not in ("", "CONNECT", "POST"):
        yield protocol, f"protocol {protocol.text!r} of a tunnel", "CONNECT or POST"
    if host is not None and not is_host(host.text) and not is_address(host.text):
        yield host, f"targetHost {host.text!r} is no name of a host", "a name, or an address"
    if port is not None and not is_port(port):
        yield port, f"targetPort {port.text}", PORT_CURE


def sidecar(policy: Sidecar) -> Wrong:
    """Whatever Istio refuses of a Sidecar, the form of its fields apart."""
    spec, doc = child(policy.root, "spec"), policy.doc
    yield from selected(doc, child(spec, "workloadSelector", "labels"), "workloadSelector")
    lists = [elements(child(spec, name)) for name in ("egress", "ingress")]
    if not any(lists) and not _has(spec, ("outboundTrafficPolicy", "inboundConnectionPool")):
        yield policy.name, "an empty configuration", "egress with hosts"
    yield from _egresses(doc, lists[0])
    yield from _ingresses(doc, lists[1])
    yield from pool(doc, child(spec, "inboundConnectionPool"))
    yield from _outbound(doc, child(spec, "outboundTrafficPolicy"))


def _outbound(doc: Document, node: yaml.Node | None) -> Wrong:
    proxy, mode = child(node, "egressProxy"), scalar(doc, node, "mode")
    if proxy is None:
        return
    where = Value("", proxy, doc)
    host = scalar(doc, proxy, "host")
    if mode is None or mode.text != "ALLOW_ANY":
        yield where, "egressProxy without mode ALLOW_ANY", "mode: ALLOW_ANY"
    elif child(proxy, "port") is None:
        yield where, "egressProxy without a port", "port: {number: ...}"
    elif host is not None and not is_host(host.text):
        yield host, f"egressProxy {host.text!r} is no name of a host", "NAME.NAMESPACE.svc.cluster.local"
    else:
        yield from destination(doc, proxy)


def _egresses(doc: Document, listeners: list[yaml.Node]) -> Wrong:
    for item in listeners[:-1]:
        if child(item, "port") is None:
            yield Value("", item, doc), "an egress without a port that is not the last one", "put it last"
    seen: set[str] = set()
    for item in listeners:
        port = child(item, "port")
        if port is not None:
            yield from _listener(doc, item, port, seen, sockets=True)
        hosts = values(doc, child(item, "hosts"))
        if not hosts:
            yield Value("", item, doc), "an egress without hosts", "hosts: ['./*']"
        for value in hosts:
            space, slash, host = value.text.partition("/")
            if not slash or not space or not host:
                cure = f"'./{value.text}' or '*/{value.text}'"
                yield value, f"host {value.text!r} of egress is not NAMESPACE/NAME", cure
            elif not _is_seen(space.removeprefix("~"), host):
                cure = "NAMESPACE/NAME, the name with its namespace and domain"
                yield value, f"host {value.text!r} of egress is no whole name", cure


def _is_seen(space: str, host: str) -> bool:
    """Whether a namespace and a host are what a Sidecar can name."""
    if space not in ("", "*", ".") and not is_label(space):
        return False
    whole = host == "*" or ("." in host and ("*" not in host or host.startswith("*.")))
    return whole and is_host_or_wildcard(host)


def _listener(doc: Document, item: yaml.Node, port: yaml.Node, seen: set[str], *, sockets: bool) -> Wrong:
    """A port that a sidecar listens on, for what its pod calls or for who calls the pod."""
    number, target, bind = scalar(doc, port, "number"), scalar(doc, port, "targetPort"), scalar(doc, item, "bind")
    where = number or Value("", port, doc)
    yield from named_port(doc, port)
    if target is not None and target.number:
        yield target, "a targetPort, which does nothing here", "take it out"
    address = bind.text if bind is not None else ""
    if sockets and (number is None or number.number == 0):
        path, mode = address.removeprefix(_SOCKET), scalar(doc, item, "captureMode")
        if path == address or not _is_path(path):
            yield where, "port 0 of an egress without a bind of unix://", "a number"
        if mode is not None and mode.text == "IPTABLES":
            yield mode, "captureMode IPTABLES of a socket", "NONE"
        key = address
    else:
        if not is_port(number):
            yield where, "a port without a number", PORT_CURE
        if address and not is_address(address):
            yield bind or where, f"bind {address!r} is no address", "an address, or none"
        key = number.text if number is not None else ""
    if key in seen:
        side = "egresses" if sockets else "ingresses"
        yield where, f"two {side} for port {key}", "all its hosts in one" if sockets else "one of them"
    seen.add(key)


def _is_path(path: str) -> bool:
    return path.startswith("@") or (path.startswith("/") and not path.endswith("/"))


def _ingresses(doc: Document, listeners: list[yaml.Node]) -> Wrong:
    seen: set[str] = set()
    for item in listeners:
        port = child(item, "port")
        if port is None:
            yield Value("", item, doc), "an ingress without a port", "port: {number: ..., name: ..., protocol: ...}"
            continue
        yield from _listener(doc, item, port, seen, sockets=False)
        endpoint = scalar(doc, item, "defaultEndpoint")
        if endpoint is not None and endpoint.text and not _is_own(endpoint.text):
            yield endpoint, f"defaultEndpoint {endpoint.text!r}", "127.0.0.1:PORT"
        yield from pool(doc, child(item, "connectionPool"))
        yield from _server_tls(doc, item, port)


def _is_own(endpoint: str) -> bool:
    """Whether it is a port of the pod itself, or a socket in it."""
    if endpoint.startswith(_SOCKET):
        return _is_path(endpoint.removeprefix(_SOCKET))
    host, colon, port = endpoint.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return False
    number = port.removeprefix("+")
    return bool(colon) and host in _OWN_ADDRESSES and number.isdecimal() and 1 <= int(number[-9:]) <= 65535  # noqa: PLR2004


def _server_tls(doc: Document, item: yaml.Node, port: yaml.Node) -> Wrong:
    node, protocol, mode = child(item, "tls"), scalar(doc, port, "protocol"), scalar(doc, item, "tls", "mode")
    if node is None:
        return
    for name in ("subjectAltNames", "credentialName", "credentialNames", "tlsCertificates"):
        told = child(node, name)
        if told is not None and told.value:
            yield Value("", told, doc), f"{name} of an ingress", "take it out"
    redirect = scalar(doc, node, "httpsRedirect")
    if redirect is not None and redirect.true:
        yield redirect, "httpsRedirect of an ingress", "take it out"
    if mode is not None and mode.text in ("ISTIO_MUTUAL", "AUTO_PASSTHROUGH"):
        yield mode, f"tls {mode.text} of an ingress", "SIMPLE or MUTUAL"
    if protocol is None or protocol.text.lower() not in TLS_PROTOCOLS:
        yield Value("", node, doc), "tls of an ingress that is neither HTTPS nor TLS", "protocol: HTTPS"
    if mode is not None and mode.text in ("SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL"):
        needed = ("serverCertificate", "privateKey", *(("caCertificates",) if mode.text != "SIMPLE" else ()))
        for name in needed:
            path = scalar(doc, node, name)
            if path is None or not path.text:
                yield mode, f"tls {mode.text} of an ingress without {name}", f"{name}: PATH"
