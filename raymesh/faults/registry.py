"""Every fault, in the order in which they are run, and the verdicts that no fault turns red, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping

from raymesh.faults import identity, membership, policy, ports, telemetry, work
from raymesh.faults.fault import Fault
from raymesh.verdicts.catalog import HELD, KIALI_FRESH, OWN_JOB, SERVED, Verdict

# Those that leave nothing behind come first: what counts up in the sidecars stays for the rest of the pods' lives.
FAULTS: tuple[Fault, ...] = (
    *ports.FAULTS,
    *telemetry.FAULTS,
    *identity.FAULTS,
    *work.FAULTS,
    *policy.FAULTS,
    *membership.FAULTS,
)
NO_OWN_PURPOSE = "the guide's subject is no {}: manifests/subjects/{} is asked, and unit tests turn it red"
EXCUSED: Mapping[Verdict, str] = {
    HELD: "it judges the looking, not the mesh: tests/unit/proof/test_settle.py turns it red",
    OWN_JOB: NO_OWN_PURPOSE.format("RayJob", "rayjob.yaml"),
    SERVED: NO_OWN_PURPOSE.format("RayService", "rayservice.yaml"),
    KIALI_FRESH: "a clock would have to be moved: a recorded graph, asked for a day later, turns it red",
}

# `make e2e` runs these few of them: beside the guide's own tasks what leaves Ray's connections alone, then the rest.
BESIDE = tuple(f for f in FAULTS if f.id in ("ports-stray-worker", "ports-udp"))
CUTTING = tuple(f for f in FAULTS if f.id in ("telemetry-sampling", "policy-permissive"))
