"""What Istio refuses of a VirtualService: its routes, and what they do to requests."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from raymesh.lint.rules.refused_values import Wrong, destination, exported, gateways, is_port, labels, values
from raymesh.manifests.durations import nanoseconds
from raymesh.manifests.istio_values import (
    can_change,
    is_address,
    is_claim,
    is_cors_header,
    is_header,
    is_header_value,
    is_host_or_wildcard,
    is_label,
    is_network,
    wrong_regex,
)
from raymesh.manifests.policies import VirtualService
from raymesh.manifests.reading import Document
from raymesh.manifests.tree import Value, child, elements, pairs, scalar, scalars
from raymesh.ports.contract import HIGHEST_PORT

_RETRY_ON = (
    *("5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream"),
    *("retriable-status-codes", "retriable-headers", "envoy-ratelimited", "http3-post-connect-failure"),
    *("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"),
)
_CORS_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*")
_GRPC_STATUS = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
_STATUS, _REDIRECTS, _PERCENT, _LEAST_PERCENT = (200, 600), (300, 399), 100, 0.0001
_LONGEST_BODY, _SECOND = 1 << 20, 10**9
_MATCHED = ("scheme", "method", "authority")
_ALONE = ("route", "fault", "rewrite")


def routes(policy: VirtualService) -> Wrong:
    """Whatever Istio refuses of it, the form of its fields apart."""
    spec, doc = child(policy.root, "spec"), policy.doc
    yield from gateways(doc, child(spec, "gateways"))
    yield from _hosts(policy)
    if not any(elements(child(spec, kind)) for kind in ("http", "tcp", "tls")):
        yield policy.name, "neither http, tcp nor tls", "a route"
    claims = any(value.text != "mesh" for value in values(doc, child(spec, "gateways")))
    for item in elements(child(spec, "http")):
        yield from _http(doc, item, claims=claims)
    for item in elements(child(spec, "tls")):
        yield from _tls(policy, item)
    for item in elements(child(spec, "tcp")):
        yield from _plain(doc, item, "tcp")
    yield from exported(policy)


def _hosts(policy: VirtualService) -> Wrong:
    seen: list[str] = []
    for value in policy.hosts:
        if not is_host_or_wildcard(value.text) and not is_address(value.text):
            yield value, f"host {value.text!r} is no name of a host", "a Service's name"
        elif policy.in_mesh and value.text == "*":
            yield value, "host * for the mesh's sidecars", "hosts by their names"
        elif any(_same(value.text, other) for other in seen):
            yield value, f"host {value.text} twice", "take one out"
        seen.append(value.text)


def _same(one: str, other: str) -> bool:
    """Whether two hosts have a name in common."""
    if "*" in (one[:1], other[:1]):
        short, long = sorted((one, other), key=len)
        wide = short if short[:1] == "*" else long
        narrow = long if wide is short else short
        return narrow.removeprefix("*").endswith(wide[1:])
    return one == other


def _http(doc: Document, item: yaml.Node, *, claims: bool) -> Wrong:
    given = {str(key.value) for key, value in pairs(item) if value.tag != "tag:yaml.org,2002:null"}
    routed = elements(child(item, "route"))
    yield from _ways(Value("", item, doc), given, routed)
    if "mirror" in given and elements(child(item, "mirrors")):
        yield Value("", item, doc), "an http route with mirror and mirrors", "one of them"
    for match in elements(child(item, "match")):
        yield from _match(doc, match, claims=claims)
    yield from _changed(doc, child(item, "headers"))
    yield from _authority(doc, item)
    yield from _cors(doc, child(item, "corsPolicy"))
    yield from _fault(doc, child(item, "fault"))
    yield from _mirrors(doc, item)
    yield from _redirect(doc, item)
    yield from _answer(doc, child(item, "directResponse"))
    yield from _retries(doc, child(item, "retries"))
    yield from _rewrite(doc, child(item, "rewrite"))
    for one in routed:
        yield from _changed(doc, child(one, "headers"))
    yield from _weighed(doc, routed)


def _ways(where: Value, given: set[str], routed: list[yaml.Node]) -> Wrong:
    """A route leads to one place, and in one way."""
    one = "one of them"
    if "delegate" in given:
        for other in ("redirect", "route"):
            if other in given and (routed or other != "route"):
                yield where, f"an http route with delegate and {other}", one
        return
    way = next((name for name in ("redirect", "directResponse") if name in given), None)
    beside = [name for name in _ALONE if name in given and (name != "route" or routed)]
    if way == "redirect" and "directResponse" in given:
        beside.append("directResponse")
    if way is not None:
        for other in beside:
            yield where, f"an http route with {way} and {other}", one
    elif not routed:
        yield where, "an http route that leads nowhere", "route: [{destination: {host: ...}}]"


def _match(doc: Document, node: yaml.Node, *, claims: bool) -> Wrong:
    for name in _MATCHED:
        yield from _text(doc, child(node, name), name, empty=False)
    yield from _text(doc, child(node, "uri"), "uri", empty=True)
    for field in ("headers", "withoutHeaders", "queryParams"):
        for key, value in pairs(child(node, field)):
            header = Value(str(key.value), key, doc)
            if field != "queryParams":
                if not is_header(header.text):
                    yield header, f"{field} {header.text!r} is no name of a header", "the header's name"
                elif is_claim(header.text) and not claims:
                    yield header, f"{field} {header.text}, which only a gateway can match", "an AuthorizationPolicy"
            told = scalar(doc, value, "regex") if isinstance(value, yaml.MappingNode) else None
            if not (field == "withoutHeaders" and told is not None and told.text == "*"):
                yield from _text(doc, value, header.text, empty=False)
    yield from _for_all(doc, node)
    space = scalar(doc, node, "sourceNamespace")
    if space is not None and space.text and not is_label(space.text):
        yield space, f"sourceNamespace {space.text!r}", "a namespace"


def _text(doc: Document, node: yaml.Node | None, name: str, *, empty: bool) -> Wrong:
    """A match of a text: a prefix that is something, a regular expression that RE2 knows."""
    if not isinstance(node, yaml.MappingNode):
        return
    prefix, regex = scalar(doc, node, "prefix"), scalar(doc, node, "regex")
    if prefix is not None and not prefix.text and not empty:
        yield prefix, f"an empty prefix for {name}", "no match at all is for everything"
    wrong = wrong_regex(regex.text) if regex is not None else ""
    if regex is not None and wrong:
        yield regex, f"regex {regex.text!r} for {name} {wrong}", "RE2's syntax: no looking around, no back references"


def _for_all(doc: Document, node: yaml.Node) -> Wrong:
    """What matches of any kind of route have."""
    port = scalar(doc, node, "port")
    if port is not None and port.text != "0" and not is_port(port):
        yield port, f"port {port.text} of a match", f"1 to {HIGHEST_PORT}"
    yield from labels(doc, child(node, "sourceLabels"))
    yield from gateways(doc, child(node, "gateways"))


def _changed(doc: Document, node: yaml.Node | None) -> Wrong:
    for side in ("request", "response"):
        for way in ("add", "set"):
            for name, value in scalars(doc, child(node, side, way)).items():
                if not can_change(name, authority=side == "request"):
                    yield value, f"header {name!r} of a {side} can't be {way}", "another header"
                if not is_header_value(value.text):
                    yield value, f"header value {value.text!r}", "%% for a percent sign"
        for value in values(doc, child(node, side, "remove")):
            if not can_change(value.text, authority=False):
                yield value, f"header {value.text!r} of a {side} can't be removed", "another header"


def _authority(doc: Document, item: yaml.Node) -> Wrong:
    told = scalar(doc, item, "rewrite", "authority")
    ways = [told] if told is not None and told.text else []
    for way in ("set", "add"):
        changed = scalars(doc, child(item, "headers", "request", way))
        ways += [value for name, value in changed.items() if name.lower() in (":authority", "host") and value.text]
    if len(ways) > 1:
        yield ways[1], "the authority is set twice", "once, by rewrite.authority"


def _cors(doc: Document, node: yaml.Node | None) -> Wrong:
    for origin in elements(child(node, "allowOrigins")):
        told = list(scalars(doc, origin).values())
        if not any(value.text for value in told):
            yield Value("", origin, doc), "an origin of corsPolicy that is empty", "exact: https://..."
        yield from _text(doc, origin, "allowOrigins", empty=True)
    for value in values(doc, child(node, "allowMethods")):
        if value.text not in _CORS_METHODS:
            yield value, f"method {value.text!r} of corsPolicy", ", ".join(_CORS_METHODS[:-1])
    for field in ("allowHeaders", "exposeHeaders"):
        for value in values(doc, child(node, field)):
            if not is_cors_header(value.text):
                yield value, f"{field} {value.text!r} is no name of a header", "the header's name"
    age = scalar(doc, node, "maxAge")
    if age is not None and (nanoseconds(age.text) or 0) % _SECOND:
        yield age, f"maxAge {age.text} of corsPolicy", "whole seconds"


def _fault(doc: Document, node: yaml.Node | None) -> Wrong:
    if node is None:
        return
    abort, delay = child(node, "abort"), child(node, "delay")
    if abort is None and delay is None:
        yield Value("", node, doc), "a fault with neither abort nor delay", "one of them, or no fault"
    for part in (abort, delay):
        share = scalar(doc, part, "percentage", "value")
        number = _decimal(share)
        if share is not None and number is not None and not (number == 0 or _LEAST_PERCENT <= number <= _PERCENT):
            yield share, f"percentage {share.text} of a fault", f"0, or {_LEAST_PERCENT} to {_PERCENT}"
    for field, what in (("http2Error", abort), ("exponentialDelay", delay)):
        told = scalar(doc, what, field)
        if told is not None:
            yield told, f"{field}, which Istio does not have yet", "httpStatus, or fixedDelay"
    grpc, status = scalar(doc, abort, "grpcStatus"), scalar(doc, abort, "httpStatus")
    if grpc is not None and grpc.text not in _GRPC_STATUS:
        yield grpc, f"grpcStatus {grpc.text!r}", "UNAVAILABLE, or another of gRPC's"
    if status is not None:
        yield from _status(status)


def _decimal(value: Value | None) -> float | None:
    try:
        return float(value.text) if value is not None else None
    except ValueError:
        return None  # the form of the field says it


def _status(value: Value) -> Wrong:
    number = _decimal(value)
    if number is not None and not _STATUS[0] <= number <= _STATUS[1]:
        yield value, f"status {value.text}", f"{_STATUS[0]} to {_STATUS[1] - 1}"


def _mirrors(doc: Document, item: yaml.Node) -> Wrong:
    yield from destination(doc, child(item, "mirror"))
    mirrors = elements(child(item, "mirrors"))
    for mirror in mirrors:
        yield from destination(doc, child(mirror, "destination"))
    shares = [scalar(doc, item, "mirrorPercent"), scalar(doc, item, "mirror_percent")]
    shares += [scalar(doc, one, name, "value") for one, name in _shares(item, mirrors)]
    for share in shares:
        number = _decimal(share)
        if share is not None and number is not None and not 0 <= number <= _PERCENT:
            yield share, f"percentage {share.text} of a mirror", f"0 to {_PERCENT}"


def _shares(item: yaml.Node, mirrors: list[yaml.Node]) -> Iterator[tuple[yaml.Node, str]]:
    yield item, "mirrorPercentage"
    yield from ((mirror, "percentage") for mirror in mirrors)


def _redirect(doc: Document, item: yaml.Node) -> Wrong:
    node = child(item, "redirect")
    if node is None:
        return
    given = {name: value for name, value in scalars(doc, node).items() if value.text}
    if "uri" in given and "prefixRewrite" in given:
        yield given["uri"], "redirect with uri and prefixRewrite", "one of them"
    if "prefixRewrite" in given:
        for match in elements(child(item, "match")):
            uri = child(match, "uri")
            if uri is not None and child(uri, "prefix") is None:
                yield Value("", uri, doc), "prefixRewrite with a match that is no prefix", "uri: {prefix: ...}"
    if not given.keys() & {"uri", "prefixRewrite", "authority", "port", "derivePort", "scheme"}:
        yield Value("", node, doc), "a redirect that changes nothing", "uri, authority, scheme or port"
    code, scheme, port = given.get("redirectCode"), given.get("scheme"), given.get("port")
    number = _decimal(code)
    if code is not None and number and not _REDIRECTS[0] <= number <= _REDIRECTS[1]:
        yield code, f"redirectCode {code.text}", "301, 302, 303, 307 or 308"
    if scheme is not None and scheme.text not in ("http", "https"):
        yield scheme, f"scheme {scheme.text!r} of a redirect", "http or https"
    if port is not None and port.text != "0" and not is_port(port):
        yield port, f"port {port.text} of a redirect", f"1 to {HIGHEST_PORT}"


def _answer(doc: Document, node: yaml.Node | None) -> Wrong:
    status, body = scalar(doc, node, "status"), child(node, "body")
    if status is not None:
        yield from _status(status)
    for value in scalars(doc, body).values():
        if len(value.text.encode()) > _LONGEST_BODY:
            yield value, "a directResponse of more than 1 MB", "a Service that answers"


def _retries(doc: Document, node: yaml.Node | None) -> Wrong:
    if node is None:
        return
    attempts = scalar(doc, node, "attempts")
    number = _decimal(attempts) or 0
    if attempts is not None and number < 0:
        yield attempts, f"attempts {attempts.text} of retries", "0 or more"
    told = scalar(doc, node, "retryOn")
    set_too = [name for name in ("perTryTimeout", "retryRemoteLocalities") if child(node, name) is not None]
    set_too += ["retryOn"] if told is not None and told.text else []
    if number == 0 and set_too:
        yield attempts or Value("", node, doc), f"retries with {set_too[0]} and no attempts", "attempts: 2"
    for word in told.text.split(",") if told is not None and told.text else ():
        if word not in _RETRY_ON and not _is_status(word):
            yield told or Value("", node, doc), f"retryOn {word!r}", "words without spaces: 5xx,reset,unavailable"


def _is_status(word: str) -> bool:
    """Whether HTTP has a name for it."""
    from http import HTTPStatus  # noqa: PLC0415 - few routes have retries, and start-up should be short

    return word.isdecimal() and word.isascii() and int(word[-9:]) in {status.value for status in HTTPStatus}


def _rewrite(doc: Document, node: yaml.Node | None) -> Wrong:
    if node is None:
        return
    uri, authority, regex = (
        scalar(doc, node, "uri"),
        scalar(doc, node, "authority"),
        child(node, "uriRegexRewrite"),
    )
    where = Value("", node, doc)
    if uri is not None and uri.text and regex is not None:
        yield where, "rewrite with uri and uriRegexRewrite", "one of them"
    if regex is None:
        if not any(value is not None and value.text for value in (uri, authority)):
            yield where, "a rewrite that changes nothing", "uri or authority"
        return
    match, result = scalar(doc, regex, "match"), scalar(doc, regex, "rewrite")
    if match is None or not match.text or result is None or not result.text:
        yield where, "uriRegexRewrite without match and rewrite", "both"
    elif wrong := wrong_regex(match.text):
        yield match, f"regex {match.text!r} of uriRegexRewrite {wrong}", "RE2's syntax"


def _weighed(doc: Document, routed: list[yaml.Node]) -> Wrong:
    """Places that a route leads to, with their weights."""
    weights = [scalar(doc, one, "weight") for one in routed]
    for one, weight in zip(routed, weights, strict=True):
        if scalar(doc, one, "destination", "host") is None:
            yield Value("", one, doc), "a route without destination.host", "destination: {host: ...}"
        yield from destination(doc, child(one, "destination"))
        if weight is not None and (_decimal(weight) or 0) < 0:
            yield weight, f"weight {weight.text}", "0 or more"
    if len(routed) > 1 and not sum(_decimal(weight) or 0 for weight in weights):
        yield Value("", routed[0], doc), "several places with no weight", "weight: 50"


def _plain(doc: Document, item: yaml.Node, kind: str) -> Wrong:
    routed = elements(child(item, "route"))
    for match in elements(child(item, "match")):
        for value in values(doc, child(match, "destinationSubnets")):
            if not is_network(value.text):
                yield value, f"destinationSubnets {value.text!r}", "10.0.0.0/8"
        yield from _for_all(doc, match)
    if not routed:
        yield Value("", item, doc), f"a {kind} route that leads nowhere", "route: [{destination: {host: ...}}]"
    yield from _weighed(doc, routed)


def _tls(policy: VirtualService, item: yaml.Node) -> Wrong:
    doc = policy.doc
    yield from _plain(doc, item, "tls")
    matches = elements(child(item, "match"))
    if not matches:
        yield Value("", item, doc), "a tls route without match", "match: [{sniHosts: [...]}]"
    for match in matches:
        hosts = values(doc, child(match, "sniHosts"))
        if not hosts:
            yield Value("", match, doc), "a tls match without sniHosts", "sniHosts: [...]"
        for value in hosts:
            if is_address(value.text):
                continue
            within = any(_within(value.text, host.text) for host in policy.hosts)
            if not is_host_or_wildcard(value.text) or not within:
                yield value, f"sniHosts {value.text!r} is none of hosts", "one of spec.hosts"


def _within(name: str, host: str) -> bool:
    """Whether all names that it stands for are a host's."""
    if host[:1] == "*":
        return name.removeprefix("*").endswith(host[1:]) if name[:1] == "*" else name.endswith(host[1:])
    return name == host
