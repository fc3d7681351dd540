"""The recorded spans: this run's, and ways to doctor those of some ports."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from raymesh.verdicts.traces import RunSpans
from raymesh.witness.jaeger import parse_upstream
from tests.unit.recorded.recordings import SUBJECT, Doctored, member

TRACES, SERVICES = "jaeger-traces.json", "jaeger-services.json"
CONTRACT = SUBJECT.contract
MEMBERS = (  # of the run whose spans they are
    member("raycluster-istio-head-llprh", "head", "10.244.0.7"),
    member("raycluster-istio-worker-small-group-fdv2c", "worker", "10.244.0.8"),
)
RUN = RunSpans(SUBJECT, MEMBERS, since=0)
BOTH = ("client", "server")


def retagged(port: str, key: str, value: str, sides: Collection[str] = BOTH) -> Doctored:
    """Give a tag another value on the spans of a port of the contract."""

    def doctor(answer: Any) -> None:
        for trace in answer["data"]:
            for span in trace["spans"]:
                if _is_on(span, port) and _tag(span, "span.kind") in sides:
                    span["tags"] = [tag for tag in span["tags"] if tag["key"] != key]
                    span["tags"].append({"key": key, "type": "string", "value": value})

    return Doctored(TRACES, doctor)


def without(port: str, sides: Collection[str] = BOTH) -> Doctored:
    """Take away the spans of a port of the contract."""
    return _keeping(lambda span: not (_is_on(span, port) and _tag(span, "span.kind") in sides))


def of_nobody() -> Doctored:
    """Take away all spans."""
    return _keeping(lambda _: False)


def _keeping(keep: Callable[[dict[str, Any]], bool]) -> Doctored:
    def doctor(answer: Any) -> None:
        for trace in answer["data"]:
            trace["spans"] = [span for span in trace["spans"] if keep(span)]

    return Doctored(TRACES, doctor)


def _is_on(span: dict[str, Any], port: str) -> bool:
    number = parse_upstream(_tag(span, "upstream_cluster")).port
    return number is not None and CONTRACT.find(port).holds(number)


def _tag(span: dict[str, Any], key: str) -> str:
    return next((str(tag["value"]) for tag in span["tags"] if tag["key"] == key), "")
