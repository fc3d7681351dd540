"""The controls: what a verdict has to say once the mesh is broken on purpose. Each waits until just that is red."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from raymesh.mesh.guide import PODS
from raymesh.observe import (
    Findings,
    Look,
    Work,
    by_kiali,
    growth_judge,
    settle,
    sidecars_show_mtls,
)
from raymesh.platform.kube import Kube
from raymesh.ports import Contract, Role
from raymesh.verdicts.finding import Finding, holds, names, red
from raymesh.verdicts.ports import DECLARED
from raymesh.verdicts.traces import HTTP_CALLS, KNOWN
from raymesh.waiting import wait_for
from raymesh.witness.envoy import EnvoyAdmin
from raymesh.witness.kiali import Kiali
from raymesh.witness.knock import Target, knock
from raymesh.witness.prometheus import Prometheus

Ask = Callable[[], bool]  # asks a node's dashboard agent from the other node, and tells whether it answered
# What Prometheus' and Kiali's verdicts say of a plaintext client that PERMISSIVE lets in, and nothing else.
PLAINTEXT_SHOWS = {"nothing but mutual_tls grows", "no edge below 100 % mTLS", "mTLS is demanded in the namespace"}
# Verdicts that hold whenever a node asks the other's dashboard agent. The rest ask for work that is done but once.
LASTING = {KNOWN, HTTP_CALLS, DECLARED}
AGENT_OUT_OF_SIGHT = {HTTP_CALLS, DECLARED}
STABLE_LOOKS = 4  # of 2 s and more
LATELY_SECONDS = 15  # three times what a sidecar may hold spans back: calls made just now are in Jaeger by then


def outsider_gets_through(kube: Kube, serving: Sequence[Target], *, within: float) -> None:
    """Wait until a plaintext client is answered at every one of these ports. Raises WaitTimeout."""
    wait_for(
        "a plaintext client gets through",
        lambda: [
            str(probe) for probe in knock(kube, "outsider", ["plaintext"], serving) if probe.outcome != "answered"
        ],
        until=lambda others: not others,
        within=within,
    )


def sidecars_turn(sidecars: Mapping[Role, EnvoyAdmin], *, green: bool, within: float) -> Findings:
    """Wait until the sidecars' own verdict is green, or is red, and return it. Raises WaitTimeout."""
    return wait_for(
        f"mTLS by the sidecars turns {'green' if green else 'red'}",
        lambda: sidecars_show_mtls(sidecars, pods=PODS),
        until=lambda findings: holds(findings) == green,
        within=within,
    )


def plaintext_shows(
    prometheus: Prometheus, kiali: Kiali, work: Work, kube: Kube, serving: Sequence[Target], *, within: float
) -> Findings:
    """Wait until plaintext that a client sends now turns Prometheus' and Kiali's verdicts red, each for that alone.

    Returns what is red. Raises WaitTimeout.
    """
    judge = growth_judge(prometheus)

    def shown() -> Findings:
        work()
        knock(kube, "outsider", ["plaintext"], serving)
        return red((*judge(), *by_kiali(kiali)))

    return wait_for(
        f"plaintext shows as {PLAINTEXT_SHOWS}",
        shown,
        until=lambda seen: names(seen) == PLAINTEXT_SHOWS,
        within=within,
    )


def agent_out_of_sight(look: Look, ask: Ask, contract: Contract, misdeclared: Contract, *, within: float) -> Findings:
    """Wait until answered calls to a dashboard agent leave no trace, and all that changed is what `misdeclared` says.

    Returns what is red. Raises WaitTimeout.
    """

    def shown() -> tuple[Findings, Findings]:
        answered = Finding("the agent answers", ask(), "an answer", "none", "the head")
        lately = look(time.time() - LATELY_SECONDS)
        lasting = [finding for finding in lately.judged(contract) if finding.verdict in LASTING]
        by_now = [finding for finding in lately.judged(misdeclared) if finding.verdict == DECLARED]
        return red((answered, *lasting)), red(by_now)

    return wait_for(
        f"red: {AGENT_OUT_OF_SIGHT}; red by what is declared now: nothing",
        shown,
        until=lambda seen: (names(seen[0]), seen[1]) == (AGENT_OUT_OF_SIGHT, ()),
        within=within,
        # Longer than a sidecar may hold spans back (5 s): silence at first may only be a trace that is late.
        stable=STABLE_LOOKS,
    )[0]


def agent_in_sight(look: Look, ask: Ask, contract: Contract, *, within: float) -> Findings:
    """Judge calls of the last seconds by those verdicts that a call to a dashboard agent keeps green."""

    def probe() -> Findings:
        ask()
        judged = look(time.time() - LATELY_SECONDS).judged(contract)
        return tuple(finding for finding in judged if finding.verdict in LASTING)

    return settle("the agent in sight", probe, within=within)
