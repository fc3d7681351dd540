"""mTLS by Prometheus: counters of each Ray pod's own sidecar, from its first second on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from raymesh.verdicts.catalog import CALLERS, CALLS_SUCCEED, MUTUAL_GROWS, NO_RESTART, NOTHING_ELSE, SCRAPED
from raymesh.verdicts.finding import Finding, Findings, some
from raymesh.witness.prometheus import REQUESTS, UPTIME, Sample, Target

WITNESS = "Prometheus"
NAME, MUTUAL = "__name__", "mutual_tls"
RECEIVED, SENT = "destination", "source"
CLOCK_SECONDS = 15  # an uptime is written every 5 s and read as often
# Where Ray's nodes are well, calls still fail: to drivers that have ended (a fifth of all, Ray 2.55.1, measured).
MOST_FAILED = 0.4
FEWEST_CALLS = 20  # below that a share says nothing
GRPC_OK = ("", "0")
HTTP_FAILED = ("5", "0")  # first character of 5xx, and of 0: no answer at all

Key = frozenset[tuple[str, str]]
Counts = Mapping[Key, float]


def counts(samples: Iterable[Sample]) -> dict[Key, float]:
    """Return the counters among the samples, by their labels."""
    return {frozenset(s.labels.items()): s.value for s in samples if s.labels.get(NAME) != UPTIME}


def starts(samples: Iterable[Sample]) -> dict[str, float]:
    """Return when each pod's sidecar started, in seconds since the epoch."""
    return {s.labels.get("pod", ""): s.time - s.value for s in samples if s.labels.get(NAME) == UPTIME}


@dataclass
class Ledger:
    """What is remembered between looks: where growth is counted from, and what there was of other security.

    On a fresh cluster nothing of other security is forgiven. `forgiven` holds what an earlier fault, on purpose, left
    in counters that only go up. `started` is when each sidecar started (seconds since the epoch), `restarts` says of
    those that did so again.
    """

    start: dict[Key, float] = field(default_factory=dict)
    last: dict[Key, float] = field(default_factory=dict)
    forgiven: dict[Key, float] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    restarts: dict[str, str] = field(default_factory=dict)  # by pod
    up: frozenset[str] = frozenset()  # pods whose sidecar gave its uptime in the last answer

    @classmethod
    def opened(cls, samples: Sequence[Sample], *, fresh: bool) -> Ledger:
        """Begin with an answer; on a cluster that is not fresh what it has of other security is forgiven."""
        now = counts(samples)
        forgiven = {} if fresh else {key: n for key, n in now.items() if not _is_mutual(key)}
        return cls(dict(now), dict(now), forgiven, starts(samples))

    def follow(self, samples: Sequence[Sample]) -> dict[Key, float]:
        """Take the next answer, and return the growth since the start.

        A counter that went back is counted anew, and only that: what grew elsewhere is not forgotten. It may do so
        without a restart, with the last filter chain that used it (Envoy 1.39.3, measured: 46 s after the mesh's policy
        was changed, and at once where a port's protocol is).
        """
        now = counts(samples)
        for key, old in self.last.items():
            if now.get(key, 0) < old:
                self.start[key] = 0.0
                self.forgiven.pop(key, None)
        self.last = now
        now_up = starts(samples)
        self.up = frozenset(now_up)
        for pod, at in now_up.items():
            if at - self.started.setdefault(pod, at) > CLOCK_SECONDS:
                self.restarts[pod] = f"{pod} {at - self.started[pod]:.0f} s later than before"
                self.started[pod] = at
        return {key: value - self.start.get(key, 0.0) for key, value in now.items()}

    def begin(self) -> None:
        """Count growth from here on; what is forgiven stays as it is."""
        self.start = dict(self.last)
        self.restarts.clear()


def mtls_by_prometheus(
    ledger: Ledger,
    samples: Sequence[Sample],
    targets: Sequence[Target],
    *,
    pods: Collection[str],
    identities: Collection[str],
    floor: float,
) -> Findings:
    """Judge the next answer of each of `pods`. `floor` is calls that each must have received, and sent, by then.

    `identities` are the SPIFFE names that may call.
    """
    growth = ledger.follow(samples)
    return (
        *(_mutual_grows(growth, pod, floor) for pod in sorted(pods)),
        _nothing_else(ledger, pods),
        _no_restart(ledger, pods),
        *(_scraped(targets, pod) for pod in sorted(pods)),
        *(_calls_succeed(growth, pod) for pod in sorted(pods)),
        _callers(growth, identities),
    )


def _mutual_grows(growth: Counts, pod: str, floor: float) -> Finding:
    received = _calls(growth, pod, RECEIVED, mutual=True)
    sent = _calls(growth, pod, SENT, mutual=False)  # who sends does not know the security
    return Finding(
        MUTUAL_GROWS,
        ok=min(received, sent) >= floor > 0,
        expected=f"{floor:g} or more gRPC calls received with mutual TLS, and as many sent",
        seen=f"{received:g} received, {sent:g} sent",
        witness=WITNESS,
        about=pod,
        figures={"received": round(received), "sent": round(sent)},
    )


def _calls(growth: Counts, pod: str, reporter: str, *, mutual: bool) -> float:
    return sum(
        gain
        for key, gain in growth.items()
        if _named(key, "pod") == pod
        and _named(key, NAME) == REQUESTS
        and _named(key, "reporter") == reporter
        and _named(key, "request_protocol") == "grpc"
        and (not mutual or _is_mutual(key))
        and gain > 0
    )


def _nothing_else(ledger: Ledger, pods: Collection[str]) -> Finding:
    received = {key: n for key, n in ledger.last.items() if _named(key, "reporter") == RECEIVED}
    others = [
        f"{_named(key, 'connection_security_policy') or 'no policy'} {more:g}: {_short(key)}"
        for key, n in received.items()
        if not _is_mutual(key) and (more := n - ledger.forgiven.get(key, 0.0)) > 0
    ]
    silent = sorted(set(pods) - {_named(key, "pod") for key in received})
    forgiven = sum(1 for key in ledger.forgiven if _named(key, "reporter") == RECEIVED)
    return Finding(
        NOTHING_ELSE,
        ok=bool(received) and not others and not silent,
        expected="series of every Ray pod, all of them mutual_tls from the first second on",
        seen=f"{len(received)} series, of other security: {some(others)}; pods without any: {some(silent)}",
        witness=WITNESS,
        figures={"series": len(received), "others": len(others), "left by earlier faults": forgiven},
    )


def _no_restart(ledger: Ledger, pods: Collection[str]) -> Finding:
    silent = sorted(set(pods) - ledger.up)
    anew = [why for pod, why in ledger.restarts.items() if pod in pods]
    return Finding(
        NO_RESTART,
        ok=bool(pods) and not anew and not silent,
        expected="sidecars, each up since before",
        seen=f"{len(ledger.up)} sidecars, started anew: {some(anew)}; no uptime of {some(silent)}",
        witness=WITNESS,
        figures={"sidecars": len(ledger.up)},
    )


def _scraped(targets: Sequence[Target], pod: str) -> Finding:
    mine = [target for target in targets if target.labels.get("pod") == pod]
    bad = [f"{t.job} {t.health} {t.error}".strip() for t in mine if t.health != "up" or not t.scraped_at]
    return Finding(
        SCRAPED,
        ok=bool(mine) and not bad,
        expected="a scrape target that is up",
        seen=f"{len(mine)} targets, not up: {some(bad)}",
        witness=WITNESS,
        about=pod,
    )


def _calls_succeed(growth: Counts, pod: str) -> Finding:
    calls = {
        key: gain
        for key, gain in growth.items()
        if _named(key, "pod") == pod
        and _named(key, NAME) == REQUESTS
        and _named(key, "reporter") == RECEIVED
        and gain > 0
    }
    total = sum(calls.values())
    failed = sum(gain for key, gain in calls.items() if _has_failed(key))
    return Finding(
        CALLS_SUCCEED,
        ok=total >= FEWEST_CALLS and failed <= MOST_FAILED * total,
        expected=f"{FEWEST_CALLS} calls or more, at most {MOST_FAILED:.0%} of them failed",
        seen=f"{failed:g} of {total:g} failed",
        witness=WITNESS,
        about=pod,
        figures={"calls": round(total), "failed": round(failed)},
    )


def _callers(growth: Counts, identities: Collection[str]) -> Finding:
    """Plaintext has no identity: that is what NOTHING_ELSE says."""
    seen = {
        _named(key, "source_principal")
        for key, gain in growth.items()
        if _named(key, "reporter") == RECEIVED and _is_mutual(key) and gain > 0
    }
    strangers = sorted(seen - set(identities))
    return Finding(
        CALLERS,
        ok=bool(seen) and not strangers,
        expected=f"callers, each of them {some(sorted(identities))}",
        seen=f"{some(sorted(seen))}; strangers: {some(s or 'no name' for s in strangers)}",
        witness=WITNESS,
        figures={"callers": len(seen)},
    )


def _has_failed(key: Key) -> bool:
    status = _named(key, "grpc_response_status")
    return status not in GRPC_OK or _named(key, "response_code").startswith(HTTP_FAILED)


def _is_mutual(key: Key) -> bool:
    return _named(key, "connection_security_policy") == MUTUAL


def _named(key: Key, label: str) -> str:
    return next((value for name, value in key if name == label), "")


def _short(key: Key) -> str:
    names = (NAME, "pod", "source_workload", "source_principal", "request_protocol")
    return ", ".join(f"{name}={value}" for name in names if (value := _named(key, name)))
