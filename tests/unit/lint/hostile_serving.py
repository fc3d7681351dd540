"""Hostile inputs: Ray Serve, collective communication, Redis' clean-up."""

from __future__ import annotations

from typing import Any

from raymesh.manifests.relating import Options
from tests.unit.lint.examples import CLEAN
from tests.unit.lint.hostile import DASHBOARD, GCS, case, cluster, environment, ports

RAY_PORTS = ",".join(map(str, (6379, 6380, 6381, 6382, 6383, 52365, 8080, *range(10002, 10013))))
INCLUDE = "traffic.sidecar.istio.io/includeInboundPorts"
GRPC = "grpc_options: {port: 9000, grpc_servicer_functions: [a.b]}\n"
REDIS = {"gcsFaultToleranceOptions": {"redisAddress": "r:6379"}}
NATIVE = Options(istio=(1, 27), kubernetes=(1, 33))


def variables(**told: str) -> str:
    return cluster(both=environment(**told))


def serving(config: str, *listed: Any, **outer: Any) -> str:
    head = ports(GCS, DASHBOARD, *listed) if listed else None
    return cluster(kind="RayService", outer={"serveConfigV2": config, **outer}, head=head)


def port(number: int, name: str) -> dict[str, Any]:
    return {"containerPort": number, "name": name}


STRICT = """apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: mesh, namespace: default}
spec: {mtls: {mode: STRICT}}
"""


def asked_by_address(*listed: Any, mode: str = "STRICT", declared: str = "", **outer: Any) -> str:
    """A RayService under a mode, whose headless Service has one port more (YAML of its entry)."""
    text = serving("applications: []", *listed, **outer)
    if declared:
        text = text.replace("  - name: node-manager-port\n", f"  - {declared}\n  - name: node-manager-port\n", 1)
        assert declared in text
    return f"{STRICT.replace('STRICT', mode)}---\n{text}"


CASES = {
    "HAProxy": case("RM092", variables(RAY_SERVE_ENABLE_HA_PROXY="1")),
    "HAProxy off": case("", variables(RAY_SERVE_ENABLE_HA_PROXY="0")),
    "HAProxy in an older Ray": case("", variables(RAY_SERVE_ENABLE_HA_PROXY="1").replace("2.60.0", "2.46.0")),
    "direct ingress": case("RM092", variables(RAY_SERVE_ENABLE_DIRECT_INGRESS="1")),
    "direct ingress by a word": case("RM092", variables(RAY_SERVE_ENABLE_DIRECT_INGRESS="true")),
    "throughput": case("RM032", variables(RAY_SERVE_THROUGHPUT_OPTIMIZED="1")),
    "gRPC between replicas": case("RM032", variables(RAY_SERVE_USE_GRPC_BY_DEFAULT="1")),
    "NCCL's interface": case("RM094", variables(NCCL_SOCKET_IFNAME="eth0")),
    "NCCL's words": case("RM094", variables(NCCL_DEBUG="INFO")),
    "gloo's interface": case("RM094", variables(GLOO_SOCKET_IFNAME="eth0")),
    "torch's port": case("RM094", variables(MASTER_PORT="29500")),
    "a variable of TPUs": case("", variables(TPU_WORKER_ID="0")),
    "NCCL past the sidecar": case(
        "", cluster(both={**environment(NCCL_DEBUG="INFO"), "annotations": {INCLUDE: RAY_PORTS}})
    ),
    "NCCL past it, and Ray too": case(
        "RM034", cluster(both={**environment(NCCL_DEBUG="INFO"), "annotations": {INCLUDE: "6379"}})
    ),
    "NCCL on one node": case("", cluster(head=environment(NCCL_DEBUG="INFO"), spec={"workerGroupSpecs": []})),
    "vLLM's image": case("RM094", CLEAN.replace("rayproject/ray:2.60.0", "vllm/vllm-openai:v0.9")),
    "Ray's image for it": case("RM094", CLEAN.replace("rayproject/ray:2.60.0", "rayproject/ray-llm:2.60.0")),
    "torchrun": case("RM094", cluster(kind="RayJob", outer={"entrypoint": "torchrun --nnodes 2 train.py"})),
    "a job with torch in its name": case("", cluster(kind="RayJob", outer={"entrypoint": "python mytorchrunner.py"})),
    "a config": case("", serving("applications: []")),
    "HTTP elsewhere": case("RM093", serving("http_options: {port: 9001}\n")),
    "HTTP where it is": case("", serving("http_options: {port: 8000}\n")),
    "HTTP elsewhere, and listed": case("", serving("http_options: {port: 9001}\n", port(9001, "serve"))),
    "the head's Serve": case("RM102", asked_by_address()),
    "the head's Serve as http": case(
        "RM102", asked_by_address(declared="{name: serve, port: 8000, appProtocol: http}")
    ),
    "the head's Serve as http2": case("RM008 RM102", asked_by_address(declared="{name: http2-serve, port: 8000}")),
    "the head's Serve as tcp": case("", asked_by_address(declared="{name: serve, port: 8000, appProtocol: tcp}")),
    "the head's Serve as tcp by name": case("", asked_by_address(declared="{name: tcp-serve, port: 8000}")),
    "the head's Serve, PERMISSIVE": case("", asked_by_address(mode="PERMISSIVE")),
    "no Serve on the head": case("", asked_by_address(excludeHeadPodFromServeSvc=True)),
    "the head's Serve elsewhere": case(
        "RM102",
        asked_by_address(port(8001, "serve"), declared="{name: serve, port: 8000, appProtocol: tcp}"),
    ),
    "gRPC without functions": case("", serving("grpc_options: {port: 9001}\n")),
    "gRPC": case("RM093", serving(GRPC)),
    "gRPC, and listed": case("", serving(GRPC, port(8000, "serve"), port(9000, "serve-grpc"))),
    "a config with a template": case("", serving("{{ .Values.x }}")),
    "a config that is no YAML": case("", serving("a: b: c")),
    "Ray's engine": case("RM094", serving("applications: [{name: a, import_path: 'ray.serve.llm:build_openai_app'}]")),
    "tensors over nodes": case("RM094", serving("applications: [{args: {engine_kwargs: {tensor_parallel_size: 2}}}]")),
    "a word that only looks like it": case("", serving("applications: [{name: novllms}]")),
    "no proxies": case("", serving("proxy_location: Disabled\n")),
    "no proxy at the head": case("", serving("applications: []", excludeHeadPodFromServeSvc=True)),
    "Redis' clean-up": case("RM083", cluster(spec=REDIS)),
    "Redis' clean-up with native sidecars": case("", cluster(spec=REDIS), options=NATIVE),
}
