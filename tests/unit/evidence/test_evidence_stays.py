"""What a run is judged by looks like a secret to many a detector: ids, digests, identities, words about secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from raymesh.evidence import redact

EVIDENCE = (
    "2026-11-25T03:00:00.1Z info\tads\tPUSH: resource=default SDS",
    "2026-11-25T03:00:00.1Z info cache generated new workload certificate resourceName=default ttl=23h59m59.9s",
    "Trust domain: cluster.local, spiffe://cluster.local/ns/default/sa/default",
    "[raylet] node_id=3f00aabbccddeeff00112233445566778899aabbccddeeff00112233 job_id=01000000",
    "E1125 failed to verify certificate: x509: certificate signed by unknown authority",
    "Image: docker.io/istio/proxyv2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "serial: 312345678901234567890123456789012345678, subject CN=istiod.istio-system.svc",
    'Unable to attach or mount volumes: secret "istio-ca" not found',
    'MountVolume.SetUp failed for volume "istiod-ca-cert" : configmap "istio-ca-root-cert" not found',
    "error: You must be logged in to the server (the server has asked for the client to provide credentials)",
    "authentication handshake failed: tls: failed to verify certificate",
    "Successfully assigned default/raycluster-istio-head-llprh to raymesh-control-plane",
    "Job submission id raysubmit_AbC9dEfGhIjKlMn1 succeeded",
    "envoy version: 0123456789abcdef0123456789abcdef01234567/1.31.0/Clean/RELEASE/BoringSSL",
    '  File "/home/ray/ray/_private/worker.py", line 2667, in get',
    "ray.exceptions.RayTaskError(ValueError): ray::task() (pid=123, ip=10-244-0-7.raycluster-istio.default.svc)",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124",
    "token bucket: max_tokens: 100 tokens_per_fill: 10",
    "JWT policy is third-party-jwt",
    "AuthorizationPolicy default/allow-all: ALLOW",
    "http.url=http://10.0.0.7:8265/api/jobs/ user@host",
    "mutual TLS: ISTIO_MUTUAL; sni outbound_.6379_._.raycluster-istio-head-svc.default.svc.cluster.local",
    "Killing container with id containerd://ray-head:Need to kill Pod",
    "Back-off restarting failed container ray-head in pod raycluster-istio-head-llprh_default(c341469c-bee6)",
    "  expected: every call mTLS; seen: 3 of 313 calls with plaintext, key (head, worker)",
    "FAILED TLS 1.3 only: TLSv1.2: 3  Envoy of head  handshakes 12",
    'connection_security_policy="mutual_tls" source_principal="spiffe://cluster.local/ns/default/sa/default"',
    "Secret default/istio-ca created; the pod reads it",
    "kind: Secret was not found in the bundle; 3 calls failed",
    "FATAL no route to 10.0.0.1",
    "kubectl get secret -n istio-system: 3 found",
    'password authentication failed for user "bob"',
    "GET /api/v1/namespaces/default/secrets?limit=500 200 OK in 3 ms",
    "GET /api/v1/namespaces/default/serviceaccounts/default/token 201",
    "pod-template-hash: 6d4cf56db6, controller-revision-hash: abc",
    "ray start --head --port=6379 --num-cpus=1 --node-ip-address=10-244-0-7.x.svc.cluster.local",
    '--worker-register-timeout --object-store-memory=200000000 --resources={"a":1}',
    "key: http.status_code value: 200",
    "name: http.method\nvalue: GET",
)

HARMLESS = yaml.safe_load(Path(__file__).with_name("harmless.yaml").read_text(encoding="utf-8"))
EVIDENCE = (*EVIDENCE, *HARMLESS["lines"])


@pytest.mark.parametrize("line", EVIDENCE)
def test_a_line_of_evidence_stays_word_for_word(line: str) -> None:
    assert redact(line).text == line


def test_a_log_of_it_does_too() -> None:
    log = "".join(f"2026-11-25T03:00:00.12345678Z {line}\n" for line in EVIDENCE if "\n" not in line)
    assert redact(log).text == log


@pytest.mark.parametrize("text", HARMLESS["texts"])
def test_an_object_without_a_secret_does_too(text: str) -> None:
    assert redact(text).text == text
