"""gRPC traces by Jaeger: Ray's own calls of this run, seen by both sidecars, on the ports of the contract."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from raymesh.ports import WORKER_PORTS, Contract
from raymesh.verdicts.calls import Call, calls_across
from raymesh.verdicts.finding import Finding, some
from raymesh.witness.jaeger import Span

WITNESS = "Jaeger"
GRPC_OK = "0"
HTTP_OK = "200"
SERVICE_ON = {  # names of the contract -> the service that Ray serves there
    "node-manager-port": "/ray.rpc.NodeManagerService/",
    "object-manager-port": "/ray.rpc.ObjectManagerService/",
    WORKER_PORTS: "/ray.rpc.CoreWorkerService/",
}
HTTP_PORT = "dashboard-agent-listen-port"
KNOWN = "the service has traces of this run"
HTTP_CALLS = f"HTTP on {HTTP_PORT}"


@dataclass(frozen=True)
class Run:
    """What tells the spans of this run from any other: the service, its pods, and when the run began."""

    service: str  # Jaeger's name: raycluster-istio.default
    pods: Collection[str]
    since: int  # microseconds since the epoch
    headless_host: str  # FQDN of the headless Service

    def spans(self, spans: Sequence[Span]) -> list[Span]:
        """Return those of this run."""
        return [s for s in spans if s.service == self.service and s.pod in self.pods and s.start >= self.since]


def grpc_traces(
    services: Collection[str], spans: Sequence[Span], *, run: Run, contract: Contract
) -> tuple[Finding, ...]:
    """Judge Jaeger's list of services and the spans of one or more queries."""
    ours = run.spans(spans)
    known = Finding(
        KNOWN,
        ok=run.service in services and bool(ours),
        expected=f"service {run.service} with spans of {some(sorted(run.pods))} since the run began",
        seen=f"{len(ours)} of {len(spans)} spans; services: {some(sorted(services))}",
        witness=WITNESS,
        figures={"spans": len(ours)},
    )
    calls = calls_across(ours)
    return known, *(_grpc(calls, port, run, contract) for port in SERVICE_ON), _http(calls, run, contract)


def _grpc(calls: list[Call], port: str, run: Run, contract: Contract) -> Finding:
    path = SERVICE_ON[port]
    here = _on_port(calls, port, run, contract)
    good = [c for c in here if _same(c, "grpc.path").startswith(path) and _same(c, "grpc.status_code") == GRPC_OK]
    return _finding(f"gRPC on {port}", good, here, f"{path}* with status {GRPC_OK} through {run.headless_host}")


def _http(calls: list[Call], run: Run, contract: Contract) -> Finding:
    here = _on_port(calls, HTTP_PORT, run, contract)
    good = [c for c in here if not c.client.grpc_path and _same(c, "http.status_code") == HTTP_OK]
    return _finding(HTTP_CALLS, good, here, f"HTTP with status {HTTP_OK} through {run.headless_host}")


def _same(call: Call, tag: str) -> str:
    """Return a tag on which both sides agree, empty where they do not."""
    return call.client.tag(tag) if call.client.tag(tag) == call.server.tag(tag) else ""


def _on_port(calls: list[Call], port: str, run: Run, contract: Contract) -> list[Call]:
    """Return calls through the headless Service to a port, which the receiving side saw come in on the same one."""
    return [
        call
        for call in calls
        if (number := call.client.upstream.port) is not None
        and number == call.server.upstream.port
        and contract.find(port).holds(number)
        and call.client.upstream.host == run.headless_host
        and call.server.upstream.direction == "inbound"
    ]


def _finding(verdict: str, good: list[Call], here: list[Call], wanted: str) -> Finding:
    numbers = sorted({call.client.upstream.port or 0 for call in here})
    return Finding(
        verdict,
        ok=bool(good),
        expected=f"calls {wanted}, seen by both sidecars",
        seen=f"{len(good)} such calls of {len(here)} on ports {some(numbers)}",
        witness=WITNESS,
        figures={"calls": len(good), "ports": some(numbers)},
    )
