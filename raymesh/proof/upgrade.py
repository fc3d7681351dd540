"""A RayService's upgrade: KubeRay makes a second cluster beside the first, and lets it take over when it serves.

Read from controllers/ray/rayservice_controller.go of KubeRay 1.1.0 and 1.6.0: whatever of rayClusterConfig changes but
the number of workers makes a pending cluster, which becomes the active one; the old one goes a minute later.
"""

from __future__ import annotations

import copy
import secrets
import time
from contextlib import ExitStack
from dataclasses import replace

from raymesh.manifests.patching import Doc, pod_templates
from raymesh.mesh import deployed
from raymesh.platform.kube import Kube
from raymesh.proof.bench import Bench
from raymesh.subject import Subject
from raymesh.subject.wanted import Wanted

VARIABLE = "RAYMESH_UPGRADE"  # Ray reads no such one: the second cluster is as the first


def changed(doc: Doc, word: str) -> Doc:
    """Return a RayService of which KubeRay makes a second cluster: each container has one more variable."""
    there = copy.deepcopy(doc)
    for template in pod_templates(there):
        for container in template["spec"]["containers"]:
            others = [one for one in container.get("env") or [] if one["name"] != VARIABLE]
            container["env"] = [*others, {"name": VARIABLE, "value": word}]
    return there


def upgraded(kube: Kube, wanted: Wanted, first: Subject, *, within: float) -> Subject:
    """Change the RayService and return the second cluster, as soon as that has taken over from the first.

    Raises WaitTimeout, or TerminalState where KubeRay says that it can't make it.
    """
    doc = next(one for one in wanted.docs if one["kind"] == first.kind and one["metadata"]["name"] == wanted.owner)
    there = changed(doc, secrets.token_hex(4))
    there["metadata"].setdefault("namespace", first.namespace)
    kube.apply([there])
    return deployed.found(kube, wanted, within=within, other_than=first.name)


def bench_of(bench: Bench, second: Subject) -> Bench:
    """Return a bench for the second cluster, with the witnesses of the first and nothing that it remembers.

    What its pods received in plaintext counts from their first second on.
    """
    return replace(
        bench,
        subject=second,
        fresh=True,
        since=time.time(),
        windows=[],
        last_beat=None,
        knocks=(),
        ledger=None,
        ways={},
        stack=ExitStack(),
        shared=None,
    )
