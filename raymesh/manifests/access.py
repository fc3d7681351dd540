"""What AuthorizationPolicies say of a call between Ray nodes: yes, no, or unknown.

Source: pilot/pkg/security/authz/model/model.go of istio/istio 1.31. On a TCP port an ALLOW rule with a field of HTTP
is left out as a whole, and a DENY rule loses just that field. Ray nodes bring a certificate, never a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from raymesh.frozen import frozen
from raymesh.manifests.maybe import Maybe, every, opposite, some
from raymesh.manifests.policies import AuthorizationPolicy, AuthorizationRule, Condition, Fields
from raymesh.manifests.tree import Value

HTTP_SOURCES = ("requestPrincipals", "notRequestPrincipals")
HTTP_OPERATIONS = ("hosts", "notHosts", "methods", "notMethods", "paths", "notPaths")
HTTP_CONDITION = "request."
_GRPC_PATH = "/ray."  # gRPC calls go to /ray.rpc.SERVICE/METHOD


@frozen
class Call:
    """A call from one Ray pod to a port of another."""

    number: int
    http: bool | None  # whether the proxy reads it as HTTP; None: nobody can say
    grpc: bool
    namespace: str | None
    account: str | None  # None: made at run time
    identified: bool = True  # whether it brings a certificate


def allowed(policies: Iterable[AuthorizationPolicy], call: Call) -> Maybe:
    """Whether ALLOW policies let a call in. Of none, they do."""
    policies = [p for p in policies if p.action == "ALLOW" and not p.dry_run and not p.targets_gateways]
    if not policies:
        return True
    return some(matches(rule, call, denying=False) for p in policies for rule in p.rules)


def denies(policy: AuthorizationPolicy, call: Call) -> Maybe:
    """Whether a DENY policy refuses a call."""
    if policy.action != "DENY" or policy.dry_run or policy.targets_gateways:
        return False
    return some(matches(rule, call, denying=True) for rule in policy.rules)


def matches(rule: AuthorizationRule, call: Call, *, denying: bool) -> Maybe:
    """Whether a rule holds for a call."""
    if call.http is None:
        answers = {matches(rule, replace(call, http=http), denying=denying) for http in (True, False)}
        return answers.pop() if len(answers) == 1 else None
    if not call.http and not denying and http_fields(rule):
        return False
    who = some(_fields(s, call, _SOURCE) for s in rule.sources) if rule.sources else True
    what = some(_fields(o, call, _OPERATION) for o in rule.operations) if rule.operations else True
    return every((who, what, *(_condition(c, call) for c in rule.conditions)))


def http_fields(rule: AuthorizationRule) -> list[Value]:
    """The first value under each field of a rule that only HTTP has."""
    found = [s[name][0] for s in rule.sources for name in HTTP_SOURCES if name in s]
    found += [o[name][0] for o in rule.operations for name in HTTP_OPERATIONS if name in o]
    return found + [c.key for c in rule.conditions if c.key.text.startswith(HTTP_CONDITION)]


def fits(pattern: str, text: str) -> bool:
    """Whether a pattern of Istio holds: the word itself, or with a star at one end."""
    if pattern == "*":
        return bool(text)
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return text.endswith(pattern[1:])
    return pattern == text


Test = Callable[[str, Call], Maybe]


def _fields(fields: Fields, call: Call, tests: dict[str, Test]) -> Maybe:
    return every(_field(name, values, call, tests) for name, values in fields.items())


def _field(name: str, values: tuple[Value, ...], call: Call, tests: dict[str, Test]) -> Maybe:
    plain = name.removeprefix("not")
    plain = plain[:1].lower() + plain[1:] if plain != name else name
    if plain not in tests:
        return None
    if not call.http and name in (*HTTP_SOURCES, *HTTP_OPERATIONS):
        return True  # a DENY rule loses the field
    found = some(tests[plain](value.text, call) for value in values)
    return opposite(found) if plain != name else found


def _principal(pattern: str, call: Call) -> Maybe:
    if not call.identified:
        return False
    if pattern == "*":
        return True
    if call.namespace is None:
        return None
    domain = pattern.partition("/")[0] if "/ns/" in pattern and not pattern.startswith("*") else "cluster.local"
    known = f"{domain}/ns/{call.namespace}/sa/"
    if call.account is not None:
        return fits(pattern, known + call.account)
    return None if _may_start(pattern, known) else False


def _may_start(pattern: str, known: str) -> bool:
    """Whether a word that begins with `known` can fit a pattern."""
    if pattern.startswith("*"):
        return True
    fixed = pattern.rstrip("*")
    return fixed.startswith(known) or (pattern.endswith("*") and known.startswith(fixed))


def _namespace(pattern: str, call: Call) -> Maybe:
    if not call.identified:
        return False
    return None if call.namespace is None and pattern != "*" else fits(pattern, call.namespace or "any")


def _account(pattern: str, call: Call) -> Maybe:
    if not call.identified:
        return False
    space, slash, account = pattern.rpartition("/")
    if slash and call.namespace is not None and space != call.namespace:
        return False
    if call.account is None or (slash and call.namespace is None):
        return None
    return account == call.account


def _block(pattern: str, call: Call) -> Maybe:  # noqa: ARG001 - all tests are called alike
    return True if pattern in ("0.0.0.0/0", "::/0") else None


def _port(pattern: str, call: Call) -> Maybe:
    return pattern == str(call.number)


def _path(pattern: str, call: Call) -> Maybe:
    if pattern in ("*", "/*"):
        return True
    fixed = pattern.partition("{")[0].rstrip("*")
    if not call.grpc or pattern.startswith("*"):
        return None
    return None if fixed.startswith(_GRPC_PATH) or _GRPC_PATH.startswith(fixed) else False


def _method(pattern: str, call: Call) -> Maybe:
    if call.grpc:
        return fits(pattern, "POST")
    return True if pattern == "*" else None


def _unknown(pattern: str, call: Call) -> Maybe:  # noqa: ARG001 - all tests are called alike
    return True if pattern == "*" else None


def _no_token(pattern: str, call: Call) -> Maybe:  # noqa: ARG001 - all tests are called alike
    return False


_SOURCE: dict[str, Test] = {
    "principals": _principal,
    "namespaces": _namespace,
    "serviceAccounts": _account,
    "trustDomains": _unknown,
    "ipBlocks": _block,
    "remoteIpBlocks": _block,
    "requestPrincipals": _no_token,
}
_OPERATION: dict[str, Test] = {"ports": _port, "paths": _path, "methods": _method, "hosts": _unknown}
_CONDITIONS: dict[str, Test] = {
    "destination.port": _port,
    "source.namespace": _namespace,
    "source.principal": _principal,
    "source.serviceAccount": _account,
    "source.ip": _block,
    "remote.ip": _block,
}


def _condition(condition: Condition, call: Call) -> Maybe:
    key = condition.key.text
    if key.startswith(HTTP_CONDITION) and not call.http:
        return True  # a DENY rule loses the condition
    test = _no_token if key.startswith("request.auth.") else _CONDITIONS.get(key, _unknown)
    inside = some(test(v.text, call) for v in condition.values) if condition.values else True
    outside = some(test(v.text, call) for v in condition.not_values) if condition.not_values else False
    return every((inside, opposite(outside)))
