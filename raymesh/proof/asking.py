"""Which verdicts a run asks for, and for each other one the reason why not. Nothing is left out without a word."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from raymesh.settings import Settings
from raymesh.verdicts.catalog import (
    CALLS_SUCCEED,
    CHAINS,
    CROSSED,
    DECLARED,
    EVERY_CALL,
    GRPC_NODE_MANAGER,
    GRPC_OBJECT_MANAGER,
    GRPC_WORKERS,
    GUIDE,
    HTTP_AGENT,
    JOB,
    KIALI_EDGES,
    KIALI_ERRORS,
    KIALI_IDENTITIES,
    KIALI_MTLS,
    KIALI_RATE,
    KIALI_TLS,
    MUTUAL_GROWS,
    NOTHING_ELSE,
    OWN_JOB,
    PLAINTEXT_REFUSED,
    REGISTERED,
    SERVED,
    VERDICTS,
    VERSIONS,
    WORKED,
    Verdict,
)

# Looks by name, with the ids of the verdicts that each asks for; a unit test holds them to the catalogue.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "platform": ("V1",),
    "kiali": ("V2",),
    "prometheus": ("V3",),
    "sidecars": ("V4",),
    "refusal": ("V5",),
    "ports": ("V601", "V602", "V603"),
    "traces": (CROSSED.id, DECLARED.id, "V7"),
    "work": (WORKED.id,),
    "job": (JOB.id,),
    "guide": (GUIDE.id,),
    "end": (OWN_JOB.id,),
    "serve": (SERVED.id,),
    "wire": ("V9",),
}
WITNESS_OF = {"kiali": ("kiali",), "jaeger": ("traces",), "prometheus": ("prometheus",)}  # looks by witness
# What only shows when Ray is made to work.
OF_WORK = frozenset(
    (
        *(WORKED, REGISTERED, JOB, GUIDE, HTTP_AGENT, CROSSED, GRPC_WORKERS, GRPC_OBJECT_MANAGER, GRPC_NODE_MANAGER),
        *(EVERY_CALL, MUTUAL_GROWS, CALLS_SUCCEED, KIALI_RATE, KIALI_ERRORS, KIALI_MTLS, KIALI_IDENTITIES),
    )
)
# What is red, and rightly so, where plaintext is let in on purpose.
OF_STRICT = frozenset((PLAINTEXT_REFUSED, CHAINS, KIALI_TLS, KIALI_EDGES, NOTHING_ELSE))
NO_WIRE = "--wire yes was not given: pods that listen take the nodes' own network and CAP_NET_RAW"
NO_LANE = "the cluster is not made here: no lane says which versions it has to be of"
NOT_THE_GUIDES = "the guide's tasks are the guide's: of another subject, and on another's cluster, less work proves it"
OF_KIND = {"RayJob": OWN_JOB, "RayService": SERVED}
LOOK_ONLY = "--running changes nothing: there are no pods that knock, and no job is submitted"
OWNERS = "--running: the job or the application that is there is its owner's, and may be under way"
BY_ITSELF = "--no-traffic: it shows only when Ray is made to work"
ON_PURPOSE = "--expect permissive: plaintext is let in on purpose; this is not asked, and nothing here is called safe"


def verdicts_of_look(look: str) -> frozenset[Verdict]:
    """Return the verdicts that a look asks for."""
    return frozenset(verdict for id_, verdict in VERDICTS.items() if id_.startswith(FAMILIES[look]))


def not_asked(settings: Settings, kind: str = "RayCluster") -> dict[Verdict, str]:
    """Return the reason for each verdict that a run with these settings, of such a subject, does not ask for."""
    found: dict[Verdict, str] = {}

    def leave(verdicts: Collection[Verdict], why: str) -> None:
        found.update({verdict: why for verdict in verdicts if verdict not in found})

    for witness in sorted(settings.without):
        for look in WITNESS_OF[witness]:
            leave(verdicts_of_look(look), f"--without {witness}: this cluster has none")
    if settings.permissive:
        leave(OF_STRICT, ON_PURPOSE)
    if not settings.traffic:
        leave(OF_WORK, BY_ITSELF)
    if settings.running:
        leave(verdicts_of_look("refusal") | verdicts_of_look("wire") | {JOB}, LOOK_ONLY)
        leave(OF_KIND.values(), OWNERS)
    for other, verdict in OF_KIND.items():
        if other != kind:
            leave([verdict], f"the subject is a {kind}, not a {other}")
    if settings.context:
        leave([VERSIONS], NO_LANE)
    if not settings.wire:
        leave(verdicts_of_look("wire"), NO_WIRE)
    if settings.context or settings.subject:
        leave([GUIDE], NOT_THE_GUIDES)
    return found


# Not looks: what a test does besides, which has no verdict of its own.
STEPS, FAULTS, GUIDES_FAULTS = "steps", "faults", "guide's faults"


def may_be_done(settings: Settings) -> frozenset[str]:
    """Return what may be done to a subject besides looking at it: all on a cluster made here, for the guide's.

    Most faults are of the guide's ports and policies. The others need a word of the user's where the subject is his.
    """
    guides = not settings.subject and not settings.context
    done = {STEPS: not settings.running, GUIDES_FAULTS: guides, FAULTS: guides or bool(settings.faults_allowed)}
    return frozenset(name for name, may in done.items() if may)


def looks_left(unasked: Collection[Verdict]) -> frozenset[str]:
    """Return the looks of which anything is still asked."""
    return frozenset(look for look in FAMILIES if verdicts_of_look(look) - frozenset(unasked))
