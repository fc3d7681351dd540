"""What Istio refuses of its policies: AuthorizationPolicy, PeerAuthentication and RequestAuthentication.

Read from pkg/config/validation/validation.go and pkg/config/security/security.go of istio/istio 1.31.
"""

from __future__ import annotations

import re

import yaml

from raymesh.lint.rules.refused_entries import token_rules
from raymesh.lint.rules.refused_values import Wrong
from raymesh.manifests.istio_values import is_network
from raymesh.manifests.policies import (
    AuthorizationPolicy,
    AuthorizationRule,
    Condition,
    Fields,
    PeerAuthentication,
    Policy,
    RequestAuthentication,
)
from raymesh.manifests.tree import Value, child, elements, pairs, scalar
from raymesh.ports.contract import HIGHEST_PORT

_NO_RULES = ("DENY", "CUSTOM")
_NOT_CUSTOM = re.compile(r"(?:not)?(?:namespaces|serviceaccounts|trustdomains|(?:request)?principals)", re.IGNORECASE)
_NOT_CUSTOM_KEYS = re.compile(r"source\.(?:namespace|serviceAccount|trustDomain|principal)|request\.auth\..*")
_WHO = ("principals", "notPrincipals", "namespaces", "notNamespaces")
_ACCOUNTS = ("serviceAccounts", "notServiceAccounts")
_DOMAINS = ("trustDomains", "notTrustDomains")
_BLOCKS = ("ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks")
_PORTS, _PATHS = ("ports", "notPorts"), ("paths", "notPaths")
_MOST_ACCOUNTS = 16
_TARGETS = (
    ("", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    *(("gateway.networking.k8s.io", kind) for kind in ("Gateway", "GatewayClass")),
)
_LITERAL = re.compile(r"[a-zA-Z0-9\-._~%!$&'()+,;:@=]+")
_TEMPLATES = ("{*}", "{**}")
# Keys of `when`, by what their values have to be.
_KEYED = re.compile(r"(?:request\.headers|request\.auth\.claims|experimental\.envoy\.filters\.[^\[]*)\[.+\]")
_PLAIN_KEYS = (
    *("source.namespace", "source.principal", "request.auth.principal", "request.auth.audiences"),
    *("request.auth.presenter", "connection.sni"),
)
_ADDRESS_KEYS = ("source.ip", "remote.ip", "destination.ip")


def authorization(policy: AuthorizationPolicy) -> Wrong:
    yield from _chosen(policy)
    if policy.action in _NO_RULES and not policy.rules:
        yield policy.name, f"action {policy.action} without rules", "a rule, or `{}` for everything"
    yield from _provided(policy)
    for one in policy.rules:
        yield from _halves(policy, one)
        for fields in (*one.sources, *one.operations):
            for name, values in fields.items():
                for value in values:
                    yield from _word(name, value)
        for fields in one.sources:
            yield from _accounts(fields)
        for condition in one.conditions:
            yield from _condition(condition)


def _chosen(policy: Policy) -> Wrong:
    """Which pods it is for: one way to say it, and no wildcards."""
    spec = child(policy.root, "spec")
    ways = [key for key in ("selector", "targetRef", "targetRefs") if child(spec, key) is not None]
    if len(ways) > 1:
        yield policy.name, f"{' and '.join(ways)} together", "one of them"
    for target in (child(spec, "targetRef"), *elements(child(spec, "targetRefs"))):
        yield from _target(policy, target)
    for name, value in policy.selector.labels.items():
        if "*" in name or "*" in value.text:
            yield value, f"selector with a wildcard, {name}: {value.text}", "a label as the pods have it"


def _target(policy: Policy, node: yaml.Node | None) -> Wrong:
    if node is None:
        return
    told = {name: scalar(policy.doc, node, name) for name in ("group", "kind", "namespace", "name")}
    group, kind, space, name = (value.text if value else "" for value in told.values())
    where = Value("", node, policy.doc)
    if (group if group != "core" else "", kind) not in _TARGETS:
        yield where, f"targetRef to {group or 'core'}/{kind}", "a Service, ServiceEntry, Gateway or GatewayClass"
    if space:
        yield where, "targetRef with a namespace", "no namespace: its own"
    if not name:
        yield where, "targetRef without a name", "name: NAME"


def _provided(policy: AuthorizationPolicy) -> Wrong:
    """CUSTOM asks somebody else, by name, and before the caller's identity is known."""
    if policy.action != "CUSTOM":
        given = child(policy.root, "spec", "provider")
        if given is not None:
            where = Value("", given, policy.doc)
            yield where, f"action {policy.action} with a provider", "action CUSTOM, or no provider"
        return
    if policy.rules and (policy.provider is None or not policy.provider.text):
        yield policy.name, "action CUSTOM without provider.name", "provider: {name: NAME}"
    for one in policy.rules:
        fields = [name for source in one.sources for name in source if _NOT_CUSTOM.fullmatch(name)]
        keys = [c.key.text for c in one.conditions if _NOT_CUSTOM_KEYS.fullmatch(c.key.text)]
        if fields or keys:
            where = Value("", one.node, policy.doc)
            yield where, f"{[*fields, *keys][0]} with action CUSTOM", "ports, paths, methods, hosts or addresses"


def _halves(policy: AuthorizationPolicy, one: AuthorizationRule) -> Wrong:
    """Each of `from` and `to` has something in it, and so has each of `when`."""
    for side, inner in (("from", "source"), ("to", "operation")):
        for item in elements(child(one.node, side)):
            told = child(item, inner)
            if told is None or not any(elements(value) for _, value in pairs(told) if _is_list(value)):
                where = Value("", told or item, policy.doc)
                yield where, f"an empty {inner}, which does not stand for all", f"no `{side}` at all stands for all"
    for item in elements(child(one.node, "when")):
        key = scalar(policy.doc, item, "key")
        if key is None or not key.text:
            yield Value("", item, policy.doc), "a condition without a key", "key: source.namespace, or another"


def _is_list(node: yaml.Node) -> bool:
    return isinstance(node, yaml.SequenceNode)


def _word(name: str, value: Value) -> Wrong:
    if not value.text:
        yield value, f"an empty word under {name}", "a word, or none"
    elif name in _PORTS:
        yield from _port(value)
    elif not value.is_string:
        yield value, f"{value.text} under {name} is not a string", f"'{value.text}'"
    elif name in _BLOCKS:
        yield from _address(value, name)
    elif name in _DOMAINS:
        if "/" in value.text or not _is_pattern(value.text):
            yield value, f"{value.text!r} under {name} is no trust domain", "a name, with a star at one end at most"
    elif name in _PATHS and not _is_path(value.text):
        yield (
            value,
            f"path {value.text!r} with braces that are no {{*}} or {{**}}",
            "{*} for one step, {**} for the rest",
        )


def _port(value: Value) -> Wrong:
    if not value.is_string:
        yield value, f"port {value.text} is a number, not a string", f"'{value.text}'"
    elif not (value.text.isdecimal() and value.text.isascii() and int(value.text[-18:]) <= HIGHEST_PORT):
        yield value, f"port {value.text!r} is not one number from 0 to {HIGHEST_PORT}", "each port by itself"


def _address(value: Value, name: str) -> Wrong:
    if not is_network(value.text):
        yield value, f"{value.text!r} under {name} is no address and no CIDR", "an address such as 10.0.0.0/8"


def _accounts(fields: Fields) -> Wrong:
    told = [value for name in _ACCOUNTS for value in fields.get(name, ())]
    if told and any(name in fields for name in _WHO):
        yield told[0], "serviceAccounts beside namespaces or principals", "one of them"
    yield from (wrong for value in told for wrong in _account(value))
    if any(len(fields.get(name, ())) > _MOST_ACCOUNTS for name in _ACCOUNTS):
        yield told[0], f"more than {_MOST_ACCOUNTS} serviceAccounts", "several sources"


def _account(value: Value) -> Wrong:
    steps = value.text.split("/")
    if len(steps) > 2 or "*" in value.text or not all(steps):  # noqa: PLR2004 - NAMESPACE/NAME at most
        yield value, f"serviceAccount {value.text!r}", "NAME or NAMESPACE/NAME, without wildcards"


def _condition(condition: Condition) -> Wrong:
    key, values = condition.key, (*condition.values, *condition.not_values)
    if not key.text:
        return
    if not values:
        yield key, f"{key.text} with neither values nor notValues", "values: [...]"
    for value in values:
        if not value.text:
            yield value, f"an empty word under {key.text}", "a word, or none"
        elif key.text in _ADDRESS_KEYS:
            yield from _address(value, key.text)
        elif key.text == "destination.port":
            yield from _port(value)
        elif key.text == "source.serviceAccount":
            yield from _account(value)
        elif key.text == "source.trustDomain" and not _is_pattern(value.text):
            yield value, f"{value.text!r} under {key.text} is no trust domain", "a name, with a star at one end at most"
    known = (*_PLAIN_KEYS, *_ADDRESS_KEYS, "destination.port", "source.serviceAccount", "source.trustDomain")
    if key.text not in known and not _KEYED.fullmatch(key.text):
        yield key, f"{key.text} is no attribute of a condition", "source.namespace, destination.port and their like"


def _is_pattern(text: str) -> bool:
    """Whether it has no star, or one at an end."""
    return text.count("*") == 0 or (text.count("*") == 1 and (text[0] == "*" or text[-1] == "*"))


def _is_path(text: str) -> bool:
    steps = text.strip("/").split("/")
    template = any(one in text for one in _TEMPLATES)
    rest = False
    for step in steps:
        if step in _TEMPLATES:
            if rest:
                return False
            rest = step == "{**}"
        elif "{" in step or "}" in step or (template and not _LITERAL.fullmatch(step)):
            return False
    return True


def peer_authentication(policy: PeerAuthentication) -> Wrong:
    yield from _chosen(policy)
    if policy.ports_node is not None and policy.selector.empty:
        where = policy.port_keys[0] if policy.port_keys else Value("", policy.ports_node, policy.doc)
        yield where, "portLevelMtls without a selector", "a selector beside ports, in the namespace of the pods"
    elif policy.ports_node is not None and not policy.port_keys:
        yield Value("", policy.ports_node, policy.doc), "an empty portLevelMtls", "take it out"
    for key in policy.port_keys:
        if key.number is None or not 1 <= key.number <= HIGHEST_PORT:
            yield key, f"port {key.text!r}, which is none from 1 to {HIGHEST_PORT}", "the number of a port"


def tokens(policy: RequestAuthentication) -> Wrong:
    yield from _chosen(policy)
    yield from token_rules(policy.doc, elements(child(policy.root, "spec", "jwtRules")))
