"""Refusal: at every port that listens, each client is turned away for the reason that the mesh has, or is served.

What counts is not that a connection failed, but how: an alert by its name, or an end before any byte. A port where
nobody listens refuses everybody, with a mesh and without, and is never counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from raymesh.verdicts.catalog import (
    ALL_TRIED,
    BEARER_SERVED,
    FOREIGN_REFUSED,
    INSIDER_SERVED,
    NO_CERTIFICATE_REFUSED,
    PLAINTEXT_REFUSED,
    PROBE,
    SELF_SIGNED_REFUSED,
    TLS12_REFUSED,
    Verdict,
)
from raymesh.verdicts.finding import Finding, Findings, some
from raymesh.witness.knock import ClientName, Knock, Target

# What Envoy says of a certificate that it does not trust, as measured: unknown_ca; decrypt_error where the issuer has
# its own CA's name and the signature is not that CA's. The others are what RFC 8446 lets it say.
UNTRUSTED = ("unknown_ca", "decrypt_error", "certificate_unknown", "bad_certificate")
ANSWERS = ("http", "grpc", "bytes")


@dataclass(frozen=True)
class Rule:
    """What has to happen to one client, in words and as a test."""

    verdict: Verdict
    client: ClientName
    expected: str
    proves: Callable[[Knock], bool]


def _ended_unanswered(knock: Knock) -> bool:
    return knock.outcome.kind in ("closed", "reset") and knock.outcome.stage == "connected"


def _alert(*names: str) -> Callable[[Knock], bool]:
    return lambda knock: knock.outcome.kind == "alert" and knock.outcome.alert in names


def _served(knock: Knock) -> bool:
    """Whether the handshake was done and answered; what speaks nothing that we know may stay silent after it."""
    kinds = (*ANSWERS, "silence") if knock.target.speaks == "tcp" else ANSWERS
    return knock.outcome.stage == "secured" and knock.outcome.kind in kinds


def _by_application(knock: Knock) -> bool:
    return knock.outcome.kind in ("http", "grpc") and knock.outcome.by == "application"


RULES = (
    Rule(PLAINTEXT_REFUSED, "plaintext", "closed or reset before any byte", _ended_unanswered),
    Rule(
        TLS12_REFUSED, "TLS 1.2 with the mesh's certificate", "TLS alert protocol_version", _alert("protocol_version")
    ),
    Rule(
        NO_CERTIFICATE_REFUSED,
        "TLS 1.3 without certificate",
        "TLS alert certificate_required",
        _alert("certificate_required"),
    ),
    Rule(SELF_SIGNED_REFUSED, "TLS 1.3, self-signed", f"TLS alert {' or '.join(UNTRUSTED)}", _alert(*UNTRUSTED)),
    Rule(FOREIGN_REFUSED, "TLS 1.3, foreign CA", f"TLS alert {' or '.join(UNTRUSTED)}", _alert(*UNTRUSTED)),
    Rule(BEARER_SERVED, "TLS 1.3 with the mesh's certificate", "the handshake done, and an answer", _served),
)
INSIDER = Rule(INSIDER_SERVED, "in the mesh", "an answer of the application", _by_application)
OUTSIDE: tuple[ClientName, ...] = tuple(rule.client for rule in RULES)


def refusals(knocks: Sequence[Knock], targets: Sequence[Target], *, pods: Collection[str]) -> Findings:
    """Judge the clients that are no application in the mesh: one finding a verdict and Ray pod.

    `targets` are all that listen, and all that are known and do not; `pods` the names of the Ray pods. A pod without a
    listening port, or an attempt that is missing, is red.
    """
    findings = [
        _judge(rule, pod, knocks, [target for target in targets if target.pod == pod])
        for pod in sorted(pods)
        for rule in RULES
    ]
    return (*findings, *(_all_tried(pod, knocks, targets) for pod in sorted(pods)))


def insiders(knocks: Sequence[Knock], targets: Sequence[Target], *, pods: Collection[str]) -> Findings:
    """Judge the application's own calls from a pod in the mesh to `targets`, the ports that always serve.

    Such a port that does not listen is red: it can't have been answered.
    """
    findings = []
    for pod in sorted(pods):
        mine = [target for target in targets if target.pod == pod]
        deaf = [target for target in mine if not target.listens]
        finding = _judge(INSIDER, pod, knocks, mine)
        findings.append(finding if not deaf else _red(finding, f"; does not listen: {some(deaf)}"))
    return tuple(findings)


def _red(finding: Finding, why: str) -> Finding:
    return Finding(
        finding.verdict,
        ok=False,
        expected=finding.expected,
        seen=finding.seen + why,
        witness=finding.witness,
        about=finding.about,
        figures=finding.figures,
    )


def _judge(rule: Rule, pod: str, knocks: Iterable[Knock], targets: Sequence[Target]) -> Finding:
    listening = {target for target in targets if target.listens}
    mine = [knock for knock in knocks if knock.client == rule.client and knock.target.pod == pod]
    wrong = [f"{knock.target.port}: {knock.outcome}" for knock in mine if not rule.proves(knock)]
    tried = {knock.target for knock in mine}
    untried = sorted(target.port for target in listening - tried)
    return Finding(
        rule.verdict,
        ok=bool(listening) and not wrong and not untried,
        expected=f"at each of {len(listening)} listening ports: {rule.expected}",
        seen=f"{len(tried)} tried, otherwise: {some(wrong)}; not tried: {some(untried)}",
        witness=PROBE,
        about=pod,
        figures=_figures(listening & tried, targets),
    )


def _all_tried(pod: str, knocks: Sequence[Knock], targets: Sequence[Target]) -> Finding:
    mine = [target for target in targets if target.pod == pod]
    listening = [target for target in mine if target.listens]
    tried = {(knock.client, knock.target) for knock in knocks if knock.outcome.kind != "unable"}
    missing = [f"{t.port} by {client}" for t in listening for client in OUTSIDE if (client, t) not in tried]
    deaf = [target.port for target in mine if not target.listens]
    return Finding(
        ALL_TRIED,
        ok=bool(listening) and not missing,
        expected=f"{len(listening)} listening ports, each tried by {len(OUTSIDE)} clients",
        seen=f"not tried: {some(missing)}; nobody listens at: {some(deaf)}",
        witness=PROBE,
        about=pod,
        figures=_figures({t for t in listening if all((client, t) in tried for client in OUTSIDE)}, mine),
    )


def _figures(tried: Collection[Target], targets: Iterable[Target]) -> dict[str, str | int | float]:
    return {
        "listening ports tried": len(tried),
        "not listening": sum(not target.listens for target in targets),
    }
