"""What was recorded can be shown to anybody."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from raymesh.evidence.redact import Form, redact
from raymesh.evidence.redaction.taken import Kind
from raymesh.witness.envoy import parse_clusters, parse_handshakes, parse_inbound
from raymesh.witness.jaeger import parse_services, parse_spans
from raymesh.witness.kiali import parse_graph, parse_tls, parse_validations, parse_workload
from raymesh.witness.prometheus import parse_vector
from tests.unit.recorded.recordings import FOLDER, HEAD, LATER, WORKER, parsed, recorded

FILES = sorted(path.name.removesuffix(".gz") for folder in (FOLDER, LATER) for path in folder.iterdir())


@pytest.mark.parametrize("file", FILES)
def test_a_recording_has_nothing_to_redact(file: str) -> None:
    text = recorded(file)
    found = redact(text, Form.OBJECT)
    assert set(found.counts) <= {Kind.COPY}  # kubectl's copy of an object stands beside the object
    assert (found.text == text) == (not found.counts)
    assert "-----BEGIN" not in text  # certificates neither
    assert "inline_bytes" not in text  # where Envoy would have keys


PARSERS: dict[str, Callable[[str], object]] = {
    **{f"envoy-{pod}-stats.json": parse_handshakes for pod in (HEAD, WORKER)},
    **{f"envoy-{pod}-listeners.json": parse_inbound for pod in (HEAD, WORKER)},
    **{f"envoy-{pod}-clusters.json": parse_clusters for pod in (HEAD, WORKER)},
    "kiali-graph.json": parse_graph,
    "kiali-workload.json": parse_workload,
    "kiali-namespace-tls.json": parse_tls,
    "kiali-istio.json": parse_validations,
    "jaeger-services.json": parse_services,
    "jaeger-traces.json": parse_spans,
    "prometheus-before.json": parse_vector,
    "prometheus-query.json": parse_vector,
}


def test_every_recorded_answer_is_judged_again() -> None:
    assert set(PARSERS) == {file for file in FILES if file.endswith(".json")}


@pytest.mark.parametrize("file", PARSERS)
def test_an_answer_with_secrets_in_it_is_read_the_same_without_them(file: str) -> None:
    answer = json.loads(recorded(file)) | {"planted": {"password": "hunter2hunter2"}}
    found = redact(json.dumps(answer), Form.OBJECT)
    assert "hunter2" not in found.text
    assert PARSERS[file](found.text) == parsed(PARSERS[file], file)
