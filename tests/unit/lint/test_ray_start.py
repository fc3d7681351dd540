"""Flags wherever they stand: in each of KubeRay's kinds, in a container's own command, behind another container."""

from __future__ import annotations

import pytest

from raymesh.lint.fixing import fix_texts
from raymesh.lint.run import lint_texts
from tests.unit.lint.examples import CLEAN

HEAD_CONTAINER = "        - name: ray-head\n          image: rayproject/ray:2.60.0\n"
PROXY = "        - name: istio-proxy\n          image: auto\n          resources: {limits: {cpu: '64'}}\n"
FLAGS = (
    "--node-manager-port=6380 --object-manager-port=6381 --runtime-env-agent-port=6382 "
    "--dashboard-agent-grpc-port=6383 --dashboard-agent-listen-port=52365 --metrics-export-port=8080 "
    "--max-worker-port=10012 --num-cpus=1 --node-ip-address=$(hostname -I | tr -d ' ' | sed 's/\\./-/g')"
    ".mine-headless-svc.default.svc.cluster.local"
)
GROUP = """\
    rayStartParams: {{}}
    template:
      metadata: {{labels: {{app: mine}}{annotations}}}
      spec:
        containers:
        - name: ray-{role}
          image: rayproject/ray:2.60.0
          command: {command}
          args: {args}
"""
SERVICE = CLEAN.partition("---\n")[0]
BARE = "{name: ray, image: 'rayproject/ray:2.46.0'}"


def found(text: str) -> list[str]:
    return [f.rule for f in lint_texts({"mine.yaml": text}).findings]


def messages(text: str) -> str:
    return "\n".join(f"{f.rule} {f.message} {f.fix}" for f in lint_texts({"mine.yaml": text}).findings)


def own_commands(head: str, worker: str, annotation: str = "") -> str:
    """A cluster whose containers start Ray themselves."""

    def group(role: str, flags: str) -> str:
        args = f'["{flags}"]'.replace("\\", "\\\\")
        return GROUP.format(role=role, command='["/bin/bash", "-lc", "--"]', args=args, annotations=annotation)

    return f"""{SERVICE}---
apiVersion: ray.io/v1
kind: RayCluster
metadata: {{name: mine, namespace: default, annotations: {{ray.io/overwrite-container-cmd: 'true'}}}}
spec:
  rayVersion: 2.60.0
  headGroupSpec:
{group("head", head)}  workerGroupSpecs:
  - groupName: small
{group("worker", worker)}"""


def plain(kind: str, params: str, version: str = "ray.io/v1") -> str:
    """One cluster outside a mesh, in any of KubeRay's kinds."""
    path = {
        "RayCluster": "spec:",
        "RayJob": "spec:\n  entrypoint: x\n  rayClusterSpec:",
        "RayService": "spec:\n  rayClusterConfig:",
        "RayCronJob": "spec:\n  schedule: '0 3 * * *'\n  jobTemplate:\n   entrypoint: x\n   rayClusterSpec:",
    }[kind]
    return f"""apiVersion: {version}
kind: {kind}
metadata: {{name: mine}}
{path}
    rayVersion: 2.46.0
    headGroupSpec:
      rayStartParams: {{}}
      template: {{spec: {{containers: [{BARE}]}}}}
    workerGroupSpecs:
    - groupName: small
      rayStartParams: {{{params}}}
      template: {{spec: {{containers: [{BARE}]}}}}
"""


@pytest.mark.parametrize("kind", ["RayCluster", "RayJob", "RayService", "RayCronJob"])
@pytest.mark.parametrize(
    ("params", "rule"),
    [
        ("object-manager-port: '12345'", "RM026"),
        ("object-manager-port: '8265'", "RM026"),
        ("min-worker-port: '20000'", "RM026"),
        ("worker-port-list: '10002, 10003'", "RM026"),
        ("num-cpu: '1'", "RM020"),
        ("metrics-agent-port: '52366'", "RM020"),
        ("labels-file: x", ""),
        ("redis-max-memory: '1'", "RM021"),
        ("num-cpus: 1", "RM024"),
    ],
)
def test_every_kind_of_kuberay_is_held_to_ray_start(kind: str, params: str, rule: str) -> None:
    assert found(plain(kind, params)) == ([rule] if rule else [])


def test_the_cluster_of_another_operator_is_not_looked_at() -> None:
    assert found(plain("RayCluster", "no-such-flag: '1'", "compute.example.test/v1")) == []
    assert found(plain("RayCluster", "no-such-flag: '1'", "cluster.ray.io/v1")) == []
    assert found(plain("RayCluster", "no-such-flag: '1'", "ray.io/v1alpha1")) == ["RM020"]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("metrics-agent-port: '52366'", "dashboard-agent-grpc-port: '52366'"),
        ("num_cpus: '1'", "num-cpus: '1'"),
        ("redis-shard-port: '6400'", "redis-shard-port: '6400'"),
        ("metrics-expert-port: '9'", "metrics-expert-port: '9'"),
        ("node-manger-port: '6380'", "node-manger-port: '6380'"),
    ],
)
def test_only_what_is_surely_meant_is_written(wrong: str, right: str) -> None:
    text = plain("RayCluster", f"\n        {wrong}\n      ")
    fixed = fix_texts({"mine.yaml": text}).sources["mine.yaml"]
    assert fixed == text.replace(wrong, right)


def test_a_command_of_its_own_with_all_flags_is_right() -> None:
    assert found(own_commands(f"ray start --head {FLAGS}", f"ray start --address=$RAY_IP:6379 {FLAGS}")) == []


def test_a_command_of_its_own_needs_no_annotation() -> None:
    text = own_commands(f"ray start --head {FLAGS}", f"ray start --address=$RAY_IP:6379 {FLAGS}")
    assert found(text.replace(", annotations: {ray.io/overwrite-container-cmd: 'true'}", "")) == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("--node-manager-port=6380 ", ""), "RM022"),
        (("--node-manager-port=6380", "--node-manager-port 6381"), "RM026"),
        (("--metrics-export-port=8080 ", ""), "RM022"),
        (("--num-cpus=1", "--num-cpus=99"), "RM006"),
        (("--num-cpus", "--num_cpus"), "RM020"),
        (("mine-headless-svc", "other-svc"), "RM017"),
        (("--max-worker-port=10012 ", ""), "RM023"),
    ],
)
def test_faults_in_a_command_of_its_own_are_found_and_never_written_over(change: tuple[str, str], rule: str) -> None:
    text = own_commands(f"ray start --head {FLAGS.replace(*change)}", f"ray start --address=$RAY_IP:6379 {FLAGS}")
    assert rule in found(text)
    fixed = fix_texts({"mine.yaml": text}).sources["mine.yaml"]
    assert fixed.partition("---\n")[2] == text.partition("---\n")[2]


def test_flags_that_stand_in_a_script_are_not_guessed() -> None:
    assert found(own_commands("/start-head.sh", "/start-worker.sh")) == []
    assert found(own_commands("ray start --head $FLAGS", "ray start $FLAGS")) == []


def test_an_image_that_starts_ray_by_itself_is_not_guessed() -> None:
    text = own_commands("x", "x")
    bare = "\n".join(line for line in text.splitlines() if not line.strip().startswith(("command:", "args:")))
    assert found(bare) == []


def test_kuberays_own_command_in_a_variable_has_ray_start_params() -> None:
    run = "echo first; $KUBERAY_GEN_RAY_START_CMD"
    assert "RM022" in found(own_commands(run, run))


@pytest.mark.parametrize("name", ["istio-proxy", "linkerd-proxy"])
def test_the_proxy_in_front_is_not_taken_for_ray(name: str) -> None:
    bare = CLEAN.replace("      num-cpus: '1'\n", "")
    text = bare.replace(HEAD_CONTAINER, PROXY.replace("istio-proxy", name) + HEAD_CONTAINER)
    assert text != bare
    assert "RM006" not in found(text), "its CPUs are not Ray's"


@pytest.mark.parametrize(
    "name", ["{{.Name}}", "{{ .Values.name }}", '{{ include "ray.name" . }}', "{{- .Release.Name -}}-ray"]
)
def test_a_template_is_told_as_that(name: str) -> None:
    text = plain("RayCluster", "").replace("metadata: {name: mine}", f"metadata:\n  name: {name}")
    assert "template that is not rendered" in messages(text)


def test_a_template_in_a_number_is_told_as_that() -> None:
    text = plain("RayCluster", "").replace(
        "groupName: small", "groupName: small\n      numOfHosts: {{ .Values.hosts }}"
    )
    assert "template that is not rendered" in messages(text)


def test_a_short_list_of_worker_ports_is_lengthened_not_overridden() -> None:
    ports = ",".join(str(n) for n in range(10002, 10013))
    text = CLEAN.replace("max-worker-port: '10012'", f"worker-port-list: '{ports}'").replace("cpus: '1'", "cpus: '10'")
    assert "lengthen worker-port-list by 1" in messages(text)
