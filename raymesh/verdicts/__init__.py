"""Verdicts: pure functions from what the witnesses saw to findings. No I/O, no waiting."""

from raymesh.verdicts.calls import calls_across
from raymesh.verdicts.envoy import Sidecar, mtls_by_envoy
from raymesh.verdicts.finding import Finding, failures, holds
from raymesh.verdicts.kiali import mtls_by_kiali
from raymesh.verdicts.platform import platform_as_pinned
from raymesh.verdicts.ports import crossing_ports, listening_ports, protocols_seen
from raymesh.verdicts.prometheus import mtls_by_prometheus
from raymesh.verdicts.refusal import OUTSIDERS, Probe, outsiders_refused
from raymesh.verdicts.traces import Run, grpc_traces

__all__ = [
    "OUTSIDERS",
    "Finding",
    "Probe",
    "Run",
    "Sidecar",
    "calls_across",
    "crossing_ports",
    "failures",
    "grpc_traces",
    "holds",
    "listening_ports",
    "mtls_by_envoy",
    "mtls_by_kiali",
    "mtls_by_prometheus",
    "outsiders_refused",
    "platform_as_pinned",
    "protocols_seen",
]
