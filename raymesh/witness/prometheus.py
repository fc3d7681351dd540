"""Prometheus as a witness: instant queries and scrape targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raymesh.witness.fields import Field, optional_text, read_json
from raymesh.witness.http import Http

HEALTH = ("up", "down", "unknown")
SAMPLE_PARTS = 2


@dataclass(frozen=True)
class Sample:
    """One series of an instant vector."""

    labels: Mapping[str, str]
    time: float  # seconds since the epoch
    value: float


@dataclass(frozen=True)
class Target:
    """Something that Prometheus reads."""

    job: str
    labels: Mapping[str, str]
    health: str
    error: str  # of the last scrape, empty if none


def received_by_policy(namespace: str) -> str:
    """Return the query for what sidecars of `namespace` received so far, by pod, protocol, peer and security.

    Requests count as such, TCP connections when they open. Only the receiving side knows how a connection came in.
    """
    metrics = "istio_requests_total|istio_tcp_connections_opened_total"
    labels = "pod, source_workload, destination_workload, request_protocol, connection_security_policy"
    selector = f'{{__name__=~"{metrics}", reporter="destination", destination_workload_namespace="{namespace}"}}'
    return f"sum by ({labels}) ({selector})"


def parse_vector(text: str) -> tuple[Sample, ...]:
    data = _data(text, "prometheus query")
    data["resultType"].one_of(("vector",))
    return tuple(_sample(sample) for sample in data["result"].items())


def parse_targets(text: str) -> tuple[Target, ...]:
    data = _data(text, "prometheus targets")
    return tuple(
        Target(
            job=target["labels"]["job"].text(),
            labels=_labels(target["labels"]),
            health=target["health"].one_of(HEALTH),
            error=optional_text(target, "lastError"),
        )
        for target in data["activeTargets"].items()
    )


def _data(text: str, what: str) -> Field:
    root = read_json(text, what)
    root["status"].one_of(("success",))
    return root["data"]


def _sample(sample: Field) -> Sample:
    parts = sample["value"].items()
    if len(parts) != SAMPLE_PARTS:
        raise sample["value"].unreadable("a time and a value")
    return Sample(_labels(sample["metric"]), time=parts[0].number(), value=parts[1].number())


def _labels(metric: Field) -> dict[str, str]:
    return {name: value.text() for name, value in metric.entries().items()}


class Prometheus:
    """Prometheus' HTTP API."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def query(self, promql: str, record: str = "prometheus-query") -> tuple[Sample, ...]:
        """Return the answer to an instant query; `record` is the name under which it is kept."""
        return parse_vector(self.http.get(record, "/api/v1/query", {"query": promql}))

    def targets(self) -> tuple[Target, ...]:
        return parse_targets(self.http.get("prometheus-targets", "/api/v1/targets", {"state": "active"}))
