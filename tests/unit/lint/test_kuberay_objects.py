"""KubeRay's own objects, selectors, names, ports beside Ray's, Serve: siblings of the pages' examples, right files."""

from __future__ import annotations

import pytest

from raymesh.lint.fixing import fix_texts
from raymesh.lint.run import lint_texts
from raymesh.manifests.relating import Options
from tests.unit.lint.examples import CLEAN

RAY_IMAGE = "image: rayproject/ray:2.60.0"
INJECTED = "sidecar.istio.io/inject: 'true'"
PATHS = {
    "RayCluster": "spec:\n",
    "RayJob": "spec:\n  entrypoint: x\n  rayClusterSpec:\n",
    "RayService": "spec:\n{outer}  rayClusterConfig:\n",
    "RayCronJob": "spec:\n  schedule: '0 3 * * *'\n  jobTemplate:\n   entrypoint: x\n   rayClusterSpec:\n",
}


def cluster(
    kind: str = "RayCluster",
    *,
    head: str = f"[{{name: ray-head, {RAY_IMAGE}}}]",
    worker: str = f"[{{name: ray-worker, {RAY_IMAGE}}}]",
    head_params: str = "{}",
    worker_params: str = "{}",
    spec: str = "",
    group: str = "",
    head_group: str = "",
    outer: str = "",
    meta: str = "",
    labels: str = INJECTED,
) -> str:
    """A cluster of two groups, called other; in the mesh by its label."""
    lines = f"""    rayVersion: 2.60.0
{spec}    headGroupSpec:
{head_group}      rayStartParams: {head_params}
      template: {{metadata: {{labels: {{app: x, {labels}}}}}, spec: {{containers: {head}}}}}
    workerGroupSpecs:
    - groupName: small
{group}      rayStartParams: {worker_params}
      template: {{metadata: {{labels: {{app: x, {labels}}}}}, spec: {{containers: {worker}}}}}
"""
    top = PATHS[kind].format(outer=outer)
    return f"apiVersion: ray.io/v1\nkind: {kind}\nmetadata: {{name: other, namespace: ml{meta}}}\n{top}{lines}"


def service(selector: str, port: str = "port: 8265", name: str = "ui", more: str = "", meta: str = "") -> str:
    return f"""apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: ml{meta}}}
spec:
  selector: {{{selector}}}
{more}  ports: [{{{port}}}]
"""


def found(*texts: str, options: Options | None = None) -> set[str]:
    told = lint_texts({"mine.yaml": "---\n".join(texts)}, options).findings
    return {f.rule for f in told} - {"RM013"}  # the node's own Service is not what these are about


def container(name: str, image: str, ports: str = "") -> str:
    return f"{{name: {name}, image: '{image}'" + (f", ports: [{ports}]" if ports else "") + "}"


RAY = container("ray-head", "rayproject/ray:2.60.0")
GCS, DASHBOARD = "{containerPort: 6379, name: gcs-server}", "{containerPort: 8265, name: dashboard}"


@pytest.mark.parametrize(
    ("containers", "misplaced"),
    [
        ([container("istio-proxy", "auto"), RAY], True),
        ([container("istio-proxy", "auto"), container("main", "example.org/ml/train:1")], True),
        ([container("log", "fluent/fluent-bit:2.1"), RAY], True),
        ([container("sql", "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.8"), RAY], True),
        ([RAY, container("istio-proxy", "auto")], False),
        ([container("main", "example.org/ml/train:1"), container("log", "fluent/fluent-bit:2.1")], False),
        ([container("main", "example.org/ml/train:1"), container("tool", "rayproject/ray:2.60.0")], False),
        ([container("istio-proxy", "example.org/ray:2.60.0")], False),
    ],
)
def test_ray_stands_first(containers: list[str], misplaced: bool) -> None:
    text = f"[{', '.join(containers)}]"
    assert ("RM075" in found(cluster(head=text))) is misplaced
    assert ("RM075" in found(cluster("RayJob", worker=text, labels=""))) is misplaced


def test_a_native_sidecar_is_no_container_of_the_pod() -> None:
    text = cluster().replace(
        "spec: {containers:", "spec: {initContainers: [{name: istio-proxy, image: auto}], containers:"
    )
    assert found(text) == set()


@pytest.mark.parametrize(
    ("head", "params", "wrong"),
    [
        (f"[{container('ray-head', 'rayproject/ray:2.60.0', DASHBOARD)}]", "{}", True),
        (f"[{container('ray-head', 'rayproject/ray:2.60.0', '{containerPort: 8888}')}]", "{}", True),
        (f"[{container('ray-head', 'rayproject/ray:2.60.0', GCS + ', ' + DASHBOARD)}]", "{}", False),
        (f"[{container('ray-head', 'rayproject/ray:2.60.0', '{containerPort: 6379}')}]", "{}", False),
        (f"[{container('ray-head', 'rayproject/ray:2.60.0', GCS)}]", "{port: '6400'}", True),
        (f"[{container('ray-head', 'rayproject/ray:2.60.0', '{containerPort: 6400}')}]", "{port: '6400'}", False),
        (f"[{RAY}]", "{port: '6400'}", True),
        (f"[{RAY}]", "{port: '6379'}", False),
        (f"[{RAY}]", "{port: $GCS_PORT}", False),
    ],
)
def test_the_head_service_has_the_gcs(head: str, params: str, wrong: bool) -> None:
    assert ("RM076" in found(cluster(head=head, head_params=params))) is wrong
    assert "RM076" not in found(cluster(head=head, head_params=params, labels="x: y")), "no mesh, no need to declare"


def test_the_users_head_service_may_bring_the_port() -> None:
    head = f"[{container('ray-head', 'rayproject/ray:2.60.0', DASHBOARD)}]"
    extra = "      headService: {spec: {ports: [{name: gcs, port: 6379}]}}\n"
    assert found(cluster(head=head, head_group=extra)) == set()


@pytest.mark.parametrize("kind", ["RayJob", "RayService", "RayCronJob"])
def test_kuberay_finds_the_dashboard_by_name(kind: str) -> None:
    head = "[" + container("ray-head", "rayproject/ray:2.60.0", f"{GCS}, {{containerPort: 8265, name: http}}") + "]"
    assert "RM077" in found(cluster(kind, head=head, labels="x: y"))
    right = f"{GCS}, {DASHBOARD}, {{containerPort: 8000, name: serve}}"
    assert found(cluster(kind, head=f"[{container('r', 'rayproject/ray:2.60.0', right)}]", labels="x: y")) == set()
    assert found(cluster(kind, labels="x: y")) == set(), "the defaults have both names"


def test_a_service_needs_a_port_for_serve_or_a_service_of_its_own() -> None:
    head = f"[{container('ray-head', 'rayproject/ray:2.60.0', GCS + ', ' + DASHBOARD)}]"
    assert "RM077" in found(cluster("RayService", head=head))
    assert "RM077" not in found(cluster("RayJob", head=head))
    outer = "  serveService: {spec: {ports: [{name: serve, port: 8000}]}}\n"
    assert "RM077" not in found(cluster("RayService", head=head, outer=outer))
    ports = f"{GCS}, {DASHBOARD}, {{containerPort: 9000, name: serve-grpc}}"
    grpc = f"[{container('r', 'rayproject/ray:2.60.0', ports)}]"
    assert "RM077" not in found(cluster("RayService", head=grpc))


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        ("{dashboard-port: '8266'}", True),
        ("{ray-client-server-port: '10090', max-worker-port: '10012'}", True),
        ("{dashboard-port: '8265'}", False),
        ("{dashboard-port: $PORT}", False),
    ],
)
def test_flags_that_move_ports_of_the_head_service(params: str, wrong: bool) -> None:
    assert ("RM078" in found(cluster(head_params=params))) is wrong


def test_a_proxy_in_the_pod_may_stand_at_the_dashboards_port() -> None:
    proxy = container("auth", "example.org/auth-proxy:1", "{containerPort: 8265}")
    assert "RM078" not in found(cluster(head=f"[{RAY}, {proxy}]", head_params="{dashboard-port: '8443'}"))


@pytest.mark.parametrize(
    ("port", "wrong"),
    [
        ("{name: dashboard, port: 9265}", True),
        ("{name: d, port: 8265}", True),
        ("{name: metrics, port: 9999}", True),
        ("{name: d, port: 8080}", True),
        ("{name: d, port: 8265, protocol: UDP}", False),
        ("{name: notebook, port: 8888}", False),
    ],
)
@pytest.mark.parametrize("kind", ["RayCluster", "RayService"])
def test_ports_of_the_users_head_service(kind: str, port: str, wrong: bool) -> None:
    extra = f"      headService: {{spec: {{ports: [{port}]}}}}\n"
    assert ("RM079" in found(cluster(kind, head_group=extra))) is wrong


@pytest.mark.parametrize(
    ("hosts", "label", "name", "wrong"),
    [
        (4, "other", "nodes", True),
        (1, "other", "nodes", False),
        (4, "another", "nodes", False),
        (4, "other", "other-headless", False),
        (4, "another", "other-headless", True),
        (1, "another", "other-headless", False),
    ],
)
def test_the_label_of_kuberays_headless_service(hosts: int, label: str, name: str, wrong: bool) -> None:
    own = service("ray.io/cluster: other", name=name, meta=f", labels: {{ray.io/headless-worker-svc: {label}}}")
    text = cluster(group=f"      numOfHosts: {hosts}\n", labels="x: y")
    assert ("RM080" in found(own, text, options=Options())) is wrong


@pytest.mark.parametrize("spec", ["{}", "{rayVersion: 2.46.0}", "{workerGroupSpecs: []}", "{autoscalerOptions: {}}"])
@pytest.mark.parametrize(
    ("kind", "path"),
    [("RayJob", "entrypoint: x\n  rayClusterSpec"), ("RayService", "serveConfigV2: ''\n  rayClusterConfig")],
)
def test_a_cluster_without_a_head_is_one_clear_error(kind: str, path: str, spec: str) -> None:
    text = f"apiVersion: ray.io/v1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n  {path}: {spec}\n"
    told = lint_texts({"mine.yaml": text}).findings
    assert [f.rule for f in told] == ["RM081"]


def test_a_bare_cluster_has_no_head_either() -> None:
    for spec in ("{}", "{rayVersion: 2.46.0}"):
        text = f"apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {{name: x}}\nspec: {spec}\n"
        assert found(text) == {"RM081"}


def test_a_patch_of_some_fields_is_no_cluster_without_a_head() -> None:
    text = "apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {name: x}\nspec: {enableInTreeAutoscaling: true}\n"
    assert "RM081" not in found(text)


def test_a_job_on_a_running_cluster_has_none_of_its_own() -> None:
    spec = "{entrypoint: x, clusterSelector: {ray.io/cluster: a}}"
    text = f"apiVersion: ray.io/v1\nkind: RayJob\nmetadata: {{name: x}}\nspec: {spec}\n"
    assert found(text) == set()


SCALES = "    enableInTreeAutoscaling: true\n    autoscalerOptions: {version: v2}\n"
AUTOSCALER_2 = f"[{{name: r, {RAY_IMAGE}, env: [{{name: RAY_enable_autoscaler_v2, value: '1'}}]}}]"
REDIS = "    gcsFaultToleranceOptions: {redisAddress: 'redis:6379'}\n"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (cluster(spec="    authOptions: {mode: token}\n").replace("2.60.0", "2.51.0"), True),
        (cluster(spec="    authOptions: {mode: token}\n").replace("    rayVersion: 2.60.0\n", ""), True),
        (cluster(spec="    authOptions: {mode: token}\n"), False),
        (cluster(spec="    authOptions: {mode: disabled}\n").replace("2.60.0", "2.46.0"), False),
        (cluster(spec=REDIS, meta=", annotations: {ray.io/ft-enabled: 'true'}"), True),
        (cluster(spec=REDIS, meta=", annotations: {ray.io/external-storage-namespace: a}"), True),
        (cluster(spec=REDIS, head_params="{redis-password: a}"), True),
        (cluster(spec=REDIS, head=f"[{{name: r, {RAY_IMAGE}, env: [{{name: RAY_REDIS_ADDRESS, value: a}}]}}]"), True),
        (cluster(spec=REDIS), False),
        (cluster(head=AUTOSCALER_2), True),
        (cluster(head=AUTOSCALER_2.replace("'1'", "'0'")), False),
        (cluster(spec=SCALES, head=AUTOSCALER_2), True),
        (cluster(spec=SCALES).replace("spec: {containers", "spec: {restartPolicy: Always, containers"), True),
        (cluster(spec=SCALES).replace("spec: {containers", "spec: {restartPolicy: Never, containers"), False),
        (cluster(meta=", annotations: {ray.io/ft-enabled: 'true'}", head_params="{redis-password: a}"), False),
    ],
)
def test_options_that_contradict_each_other(text: str, wrong: bool) -> None:
    assert ("RM082" in found(text)) is wrong


def test_the_clean_up_of_redis_is_told_of_where_a_sidecar_would_hold_it() -> None:
    assert found(cluster(spec=REDIS)) == {"RM083"}
    assert found(cluster(meta=", annotations: {ray.io/ft-enabled: 'true'}")) == {"RM083"}
    assert found(cluster(meta=", annotations: {ray.io/ft-enabled: 'false'}")) == set()
    assert found(cluster(spec=REDIS), options=Options(istio=(1, 28), kubernetes=(1, 33))) == set()
    assert found(cluster(spec=REDIS, labels="x: y")) == set()


@pytest.mark.parametrize(
    ("selector", "wrong"),
    [
        ("ray.io/cluster: other, ray.io/group: head", True),
        ("ray.io/cluster: other, ray.io/node-type: Head", True),
        ("ray.io/cluster: other, ray.io/node-type: workers", True),
        ("ray.io/cluster: other, ray.io/group: smal", True),
        ("ray.io/cluster: other, ray.io/is-ray-node: 'true'", True),
        ("ray.io/cluster: other, ray.io/identifier: other-headgroup", True),
        ("ray.io/cluster: other, app: y", True),
        ("ray.io/cluster: other, tier: gpu", True),
        ("ray.io/node-type: header", True),
        ("ray.io/cluster: other, ray.io/group: headgroup", False),
        ("ray.io/cluster: other, ray.io/group: small", False),
        ("ray.io/cluster: other, ray.io/node-type: head", False),
        ("ray.io/cluster: other, ray.io/identifier: other-head", False),
        ("ray.io/cluster: other, app: x, ray.io/is-ray-node: 'yes'", False),
        ("ray.io/cluster: other, ray.io/serve: 'true'", False),
        ("ray.io/cluster: other, example.org/set-by-a-webhook: 'true'", False),
        ("ray.io/cluster: elsewhere, ray.io/group: head", False),
        ("app: y", False),
    ],
)
def test_selectors_of_services(selector: str, wrong: bool) -> None:
    assert ("RM084" in found(service(selector), cluster())) is wrong


def test_a_service_of_another_namespace_is_not_held_against_the_cluster() -> None:
    elsewhere = service("ray.io/cluster: other, ray.io/group: head").replace("namespace: ml", "namespace: tools")
    assert found(elsewhere, cluster()) == set()


def test_the_group_of_the_head_is_written_right() -> None:
    text = f"{service('ray.io/cluster: other, ray.io/group: head')}---\n{cluster()}"
    fixed = fix_texts({"mine.yaml": text}).sources["mine.yaml"]
    assert fixed == text.replace("ray.io/group: head}", "ray.io/group: headgroup}")


@pytest.mark.parametrize("kind", ["RayJob", "RayService", "RayCronJob"])
def test_names_that_are_made_at_run_time(kind: str) -> None:
    assert "RM085" in found(service("ray.io/cluster: other, ray.io/node-type: head"), cluster(kind))
    assert "RM085" not in found(service("app: x, ray.io/node-type: head"), cluster(kind))
    assert "RM084" not in found(service("ray.io/cluster: other, ray.io/node-type: head"), cluster(kind))


@pytest.mark.parametrize(
    ("target", "head", "wrong"),
    [
        ("dashboard", f"[{RAY}]", True),
        ("dashboard", f"[{container('r', 'rayproject/ray:2.60.0', GCS + ', ' + DASHBOARD)}]", False),
        ("metrics", f"[{RAY}]", False),
        ("8265", f"[{RAY}]", False),
        ("web", f"[{RAY}, {container('web', 'nginx:1', '{containerPort: 80, name: web}')}]", False),
    ],
)
def test_target_ports_by_name(target: str, head: str, wrong: bool) -> None:
    own = service("ray.io/cluster: other, ray.io/node-type: head", f"name: http, port: 80, targetPort: {target}")
    assert ("RM086" in found(own, cluster(head=head))) is wrong


def address(zone: str, dashes: str = r"s/\\./-/g") -> str:
    return f"{{node-ip-address: \"$(hostname -I | cut -d' ' -f1 | sed '{dashes}').nodes.ml.svc{zone}\"}}"


OPERATOR = """apiVersion: apps/v1
kind: Deployment
metadata: {name: kuberay-operator}
spec: {template: {spec: {containers: [
  {name: o, image: quay.io/kuberay/operator:v1.6.0, env: [{name: CLUSTER_DOMAIN, value: k8s.example.org}]}]}}}
"""


@pytest.mark.parametrize(
    ("head", "worker", "more", "wrong"),
    [
        (".cluster.local", ".k8s.example.org", "", True),
        (".cluster.local", ".cluster.local", OPERATOR, True),
        (".cluster.local", ".cluster.local", "", False),
        (".k8s.example.org", ".k8s.example.org", OPERATOR, False),
        (".k8s.example.org", ".k8s.example.org.", "", False),
        ("", ".cluster.local", "", False),
    ],
)
def test_zones(head: str, worker: str, more: str, wrong: bool) -> None:
    text = cluster(head_params=address(head), worker_params=address(worker))
    assert ("RM087" in found(text, *([more] if more else []))) is wrong


@pytest.mark.parametrize(
    ("families", "dashes", "rules"),
    [
        ("ipFamilies: [IPv6]", r"s/\\./-/g", {"RM088"}),
        ("ipFamilies: [IPv6, IPv4]", r"s/\\./-/g", {"RM088"}),
        ("ipFamilies: [IPv6]", "s/[.:]/-/g", set()),
        ("ipFamilies: [IPv6]", "s/:/-/g", set()),
        ("ipFamilies: [IPv4]", r"s/\\./-/g", set()),
        ("ipFamilyPolicy: SingleStack", r"s/\\./-/g", set()),
    ],
)
def test_addresses_of_ipv6(families: str, dashes: str, rules: set[str]) -> None:
    nodes = service("ray.io/cluster: other", name="nodes", more=f"  clusterIP: None\n  {families}\n")
    told = found(nodes, cluster(head_params=address("", dashes), worker_params=address("", dashes)))
    assert told & {"RM018", "RM088"} == rules


COREDNS = """apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data:
  Corefile: |
    .:53 {
      kubernetes cluster.local {
        endpoint_pod_names
      }
    }
"""


def test_dns_that_names_pods() -> None:
    text = cluster(head_params=address(""), worker_params=address(""))
    assert "RM089" in found(COREDNS, text)
    assert "RM089" not in found(COREDNS.replace("        endpoint_pod_names", "        # endpoint_pod_names"), text)
    assert "RM089" not in found(COREDNS, cluster()), "no node registers by a name"
    by_pod = "{node-ip-address: $(hostname).nodes.ml.svc.cluster.local}"
    assert "RM089" not in found(COREDNS, cluster(head_params=by_pod, worker_params=by_pod))


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        ("{node-manager-port: '15000', max-worker-port: '10012'}", True),
        ("{metrics-export-port: '15090', max-worker-port: '10012'}", True),
        ("{min-worker-port: '15010', max-worker-port: '15030'}", True),
        ("{worker-port-list: '10002,15021'}", True),
        ("{min-worker-port: '15022', max-worker-port: '15052'}", False),
        ("{node-manager-port: '15100', max-worker-port: '10012'}", False),
    ],
)
def test_ports_of_the_sidecar(params: str, wrong: bool) -> None:
    assert ("RM090" in found(cluster(worker_params=params))) is wrong
    assert "RM090" not in found(cluster(worker_params=params, labels="x: y")), "without a sidecar the number is free"


@pytest.mark.parametrize(("mode", "wrong"), [("DenyAll", True), ("DenyAllIngress", False)])
def test_kuberays_own_network_policy(mode: str, wrong: bool) -> None:
    assert ("RM095" in found(cluster(spec=f"    networkPolicy: {{mode: {mode}}}\n"))) is wrong
    assert "RM095" not in found(cluster(spec=f"    networkPolicy: {{mode: {mode}}}\n", labels="x: y"))


@pytest.mark.parametrize(
    ("port", "ports", "wrong"),
    [
        ("{name: http, port: 80}", "", True),
        ("{name: serve-grpc, port: 9000}", "", True),
        ("{name: serve, port: 8000, appProtocol: http}", "", False),
        ("{name: http, port: 80}", f"{GCS}, {DASHBOARD}", False),
    ],
)
def test_ports_of_the_users_serve_service(port: str, ports: str, wrong: bool) -> None:
    head = f"[{container('ray-head', 'rayproject/ray:2.60.0', ports)}]"
    text = cluster("RayService", head=head, outer=f"  serveService: {{spec: {{ports: [{port}]}}}}\n")
    assert ("RM096" in found(text)) is wrong


@pytest.mark.parametrize(("number", "severity"), [(9200, "note"), (15090, ""), (15020, "")])
def test_other_ports_of_the_headless_service(number: int, severity: str) -> None:
    text = CLEAN.replace("  ports:\n", f"  ports:\n  - name: http-own\n    port: {number}\n", 1)
    told = [(f.rule, str(f.severity)) for f in lint_texts({"mine.yaml": text}).findings]
    assert told == ([("RM002", severity)] if severity else [])


def test_an_application_on_a_port_of_the_sidecar() -> None:
    worker = f"[{container('ray-worker', 'rayproject/ray:2.60.0', '{containerPort: 15001}')}]"
    assert "RM090" in found(cluster(worker=worker))


@pytest.mark.parametrize(
    ("port", "params", "wrong"),
    [
        (8080, "{}", True),
        (52365, "{}", True),
        (8080, "{metrics-export-port: '8090'}", False),
        (8090, "{metrics-export-port: '8090'}", True),
        (10005, "{max-worker-port: '10012'}", True),
        (10005, "{max-worker-port: '10004'}", False),
        (9100, "{}", False),
        (8265, "{}", False),
    ],
)
def test_another_container_with_a_port_of_ray(port: int, params: str, wrong: bool) -> None:
    worker = f"[{RAY}, {container('exporter', 'example.org/exporter:1', f'{{containerPort: {port}}}')}]"
    assert ("RM091" in found(cluster(worker=worker, worker_params=params, labels="x: y"))) is wrong


def with_environment(*variables: tuple[str, str]) -> str:
    told = ", ".join(f"{{name: {name}, value: '{value}'}}" for name, value in variables)
    return f"[{{name: ray-head, {RAY_IMAGE}, env: [{told}]}}]"


@pytest.mark.parametrize(
    ("variables", "version", "wrong"),
    [
        ([("RAY_SERVE_ENABLE_HA_PROXY", "1")], "2.60.0", True),
        ([("RAY_SERVE_ENABLE_DIRECT_INGRESS", "1")], "2.54.0", True),
        ([("RAY_SERVE_ENABLE_HA_PROXY", "1")], "2.54.0", False),
        ([("RAY_SERVE_ENABLE_DIRECT_INGRESS", "1")], "2.46.0", False),
        ([("RAY_SERVE_ENABLE_HA_PROXY", "0")], "2.60.0", False),
    ],
)
def test_replicas_with_ports_of_their_own(variables: list[tuple[str, str]], version: str, wrong: bool) -> None:
    text = cluster("RayService", head=with_environment(*variables)).replace("2.60.0", version)
    assert ("RM092" in found(text)) is wrong


def test_replicas_whose_small_range_is_declared() -> None:
    ends = ("RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT", "30000"), ("RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT", "30002")
    told = ", ".join(f"{{name: {n}, value: '{v}'}}" for n, v in (("RAY_SERVE_ENABLE_HA_PROXY", "1"), *ends))
    text = CLEAN.replace("- name: ray-head\n", f"- name: ray-head\n          env: [{told}]\n")
    assert "RM092" in found(text)
    more = "".join(f"  - name: serve-{n}\n    port: {n}\n    appProtocol: http\n" for n in (30000, 30001))
    assert "RM092" not in found(text.replace("  ports:\n", "  ports:\n" + more, 1))


GRPC = "  serveConfigV2: |\n    grpc_options: {%sgrpc_servicer_functions: [%s]}\n"


@pytest.mark.parametrize(
    ("config", "more", "wrong"),
    [
        (GRPC % ("", "a.b"), "", True),
        (GRPC % ("port: 9001, ", "a.b"), "", True),
        (GRPC % ("port: 9001, ", ""), "", False),
        ("  serveConfigV2: |\n    http_options: {port: 8001}\n", "", True),
        ("  serveConfigV2: |\n    http_options: {port: 8000}\n", "", False),
        ("  serveConfigV2: |\n    applications: [{import_path: a.b}]\n", "", False),
        ("  serveConfigV2: 'no: [yaml'\n", "", False),
        (GRPC % ("", "a.b"), service("app: x", "name: grpc, port: 80, targetPort: 9000"), False),
        (GRPC % ("", "a.b") + "  serveService: {spec: {ports: [{name: serve-grpc, port: 9000}]}}\n", "", False),
    ],
)
def test_ports_of_serves_proxies(config: str, more: str, wrong: bool) -> None:
    assert ("RM093" in found(cluster("RayService", outer=config), *([more] if more else []))) is wrong


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (cluster(head=f"[{container('r', 'vllm/vllm-openai:v0.8.5')}]"), True),
        (cluster(head=with_environment(("NCCL_SOCKET_IFNAME", "eth0"))), True),
        (cluster(head=with_environment(("GLOO_SOCKET_IFNAME", "eth0"))), True),
        (cluster(head=with_environment(("VLLM_HOST_IP", ""))), True),
        (cluster(worker=f"[{container('r', 'rayproject/ray-llm:2.46.0')}]"), True),
        (
            cluster("RayService", outer="  serveConfigV2: |\n    applications: [{import_path: 'ray.serve.llm:x'}]\n"),
            True,
        ),
        (cluster(), False),
        (cluster(head=with_environment(("NCCL_SOCKET_IFNAME", "eth0")), labels="x: y"), False),
    ],
)
def test_collective_communication_is_a_note(text: str, told: bool) -> None:
    assert ("RM094" in found(text)) is told


def test_wrapped_clusters_of_other_kinds_are_left_alone() -> None:
    inner = "".join(f"      {line}\n" for line in cluster(head_params="{no-such-flag: '1'}").splitlines())
    top = "apiVersion: workload.codeflare.dev/v1beta2\nkind: AppWrapper\nmetadata: {name: a}\nspec:\n  components:\n"
    text = f"{top}  - template:\n{inner}"
    assert found(text) == set()
