"""Reads the objects that the linter knows from a cluster, through kubectl and whatever access it has."""

from __future__ import annotations

import subprocess

from raymesh.errors import CommandError, UsageError
from raymesh.platform import contexts

SECONDS = 60
RAY = ("rayclusters.ray.io", "rayjobs.ray.io", "rayservices.ray.io", "raycronjobs.ray.io")
MESH = (
    "peerauthentications.security.istio.io",
    "authorizationpolicies.security.istio.io",
    "requestauthentications.security.istio.io",
    "destinationrules.networking.istio.io",
    "sidecars.networking.istio.io",
    "virtualservices.networking.istio.io",
    "serviceentries.networking.istio.io",
)
PLAIN = ("services", "namespaces", "deployments.apps", "networkpolicies.networking.k8s.io")
ROOT_NAMESPACE = "istio-system"  # its policies hold for the whole mesh


def read_cluster(context: str, namespace: str | None) -> str:
    """YAML of all that bears on Ray in a cluster, or in one namespace of it and the mesh's root namespace.

    Raises UsageError for an unknown context and where the cluster has no kinds of Ray, EnvironmentFault where there is
    no kubectl, CommandError with kubectl's words where it fails.
    """
    contexts.check("kubectl", context)
    served = set(_kubectl(context, "api-resources", "--verbs=list", "--output=name").split())
    if not served & set(RAY):
        raise UsageError(
            f"--context {context}: this cluster has no kinds of ray.io: is the KubeRay operator installed?"
        )
    mesh = [kind for kind in MESH if kind in served]
    wanted = [kind for kind in (*RAY, *PLAIN) if kind in served] + mesh
    if namespace is None:
        return _get(context, wanted, "--all-namespaces")
    parts = [_get(context, wanted, f"--namespace={namespace}")]
    if mesh and namespace != ROOT_NAMESPACE:
        parts.append(_get(context, mesh, f"--namespace={ROOT_NAMESPACE}"))
    return "---\n".join(parts)


def _get(context: str, kinds: list[str], where: str) -> str:
    return _kubectl(context, "get", ",".join(kinds), where, "--output=yaml")


def _kubectl(context: str, *words: str) -> str:
    command = ["kubectl", f"--context={context}", f"--request-timeout={SECONDS}s", *words]
    try:
        done = contexts.ask(command, 2 * SECONDS)
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{' '.join(command)}: no end after {error.timeout:g} s") from error
    if done.returncode:
        raise CommandError(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode("utf-8", "replace")
