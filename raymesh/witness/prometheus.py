"""Prometheus as a witness: instant queries and scrape targets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

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
    scraped_at: float  # when last, seconds since the epoch; 0 where never
    interval: float = 0.0  # seconds between two scrapes; 0 where Prometheus does not say it


# What sidecars count; stock Envoy's are made by raymesh/mesh/stock_labels.py under the same names.
UPTIME = "envoy_server_uptime"  # seconds that a sidecar has been up
REQUESTS, OPENED = "istio_requests_total", "istio_tcp_connections_opened_total"


def counted_by_sidecars(namespace: str) -> str:
    """Return the query for every counter of calls and TCP connections of workloads of `namespace`, and their uptimes.

    One series a sidecar, peer, protocol, security and status. Only the receiving side (reporter="destination") knows
    how a connection came in.
    """
    names = f"{REQUESTS}|{OPENED}"
    return (
        f'{{__name__=~"{names}", reporter="destination", destination_workload_namespace="{namespace}"}} or '
        f'{{__name__=~"{names}", reporter="source", source_workload_namespace="{namespace}"}} or '
        f'{UPTIME}{{namespace="{namespace}"}}'
    )


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
            scraped_at=_moment(target["lastScrape"]),
            interval=_seconds(optional_text(target, "scrapeInterval")),
        )
        for target in data["activeTargets"].items()
    )


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(text: str) -> float:
    """Read a duration of Prometheus', such as 1m30s; 0 where there is none."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhd])", text))


def _moment(field: Field) -> float:
    """Read a time of RFC 3339; Prometheus writes the year 1 for never."""
    try:
        moment = datetime.fromisoformat(field.text())
    except ValueError:
        raise field.unreadable("a time") from None
    return moment.timestamp() if moment.year > 1 else 0.0


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

    def version(self) -> str:
        """Return the version that it reports of itself."""
        root = read_json(self.http.get("prometheus-buildinfo", "/api/v1/status/buildinfo"), "prometheus buildinfo")
        return root["data"]["version"].text()

    def targets(self) -> tuple[Target, ...]:
        return parse_targets(self.http.get("prometheus-targets", "/api/v1/targets", {"state": "active"}))
