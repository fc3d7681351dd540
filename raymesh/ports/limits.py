"""Limits that a worker range has to keep: what Ray needs at least, what Kubernetes and the mesh bear at most."""

from __future__ import annotations

# A driver, and the dashboard agent after the first job: measured with Ray 2.60.0.
BESIDE_WORKERS = 2
# Zero-CPU actors have a port each; with one CPU this makes the guide's eleven ports.
SPARE = 8
# More ports than this in one Service is a warning: every sidecar of the mesh keeps configuration for each of them.
WIDEST = 200
# kubectl apply keeps the object in an annotation, and annotations may hold 256 KiB.
LAST_APPLIED = 262144
BYTES_A_PORT = 52


def fewest_worker_ports(cpus: float) -> int:
    """Worker ports that a node with so many CPUs needs when all of them are busy."""
    return -int(-cpus // 1) + BESIDE_WORKERS


def apply_refuses(ports: int) -> bool:
    """Whether `kubectl apply` refuses a Service with so many ports."""
    return ports * BYTES_A_PORT > LAST_APPLIED
