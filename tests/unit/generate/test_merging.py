"""A merge takes what the manifest says, changes what it means to and nothing else, and refuses with a cure."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesh.errors import UsageError
from raymesh.generate.manifests import Plan, as_yaml, cluster, service
from raymesh.generate.merging import Wishes, merge
from raymesh.lint.run import lint_texts
from raymesh.ports import Version, contract, working_contract

NOTHING = Wishes()
ADDRESS = r"$(hostname -I | tr -d ' ' | sed 's/\./-/g').{}.{}.svc.cluster.local"
PLAIN = """\
apiVersion: ray.io/v1
kind: RayCluster
metadata:
  name: mine
  namespace: team
spec:
  rayVersion: 2.46.0
  headGroupSpec:
    rayStartParams:
      dashboard-host: 0.0.0.0
    template:
      spec:
        containers:
        - name: ray-head
          image: rayproject/ray:2.46.0
          resources: {limits: {cpu: 2500m}}
"""
OWN_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: nodes-of-team, namespace: team}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector: {ray.io/cluster: mine}
  ports:
  - {name: node-manager-port, port: 6380, appProtocol: grpc}
  - {name: object-manager-port, port: 6381, appProtocol: grpc}
  - {name: runtime-env-agent-port, port: 6382, appProtocol: grpc}
  - {name: web, port: 8888, appProtocol: http}
"""
BOTH = f"{OWN_SERVICE}---\n{PLAIN}"

SEVERAL_HOSTS = """\
apiVersion: ray.io/v1
kind: RayCluster
metadata: {name: tpu, namespace: default}
spec:
  rayVersion: 2.46.0
  headGroupSpec:
    rayStartParams: {}
    template:
      spec:
        containers:
        - name: ray-head
          image: rayproject/ray:2.46.0
          resources: {limits: {cpu: 2}}
  workerGroupSpecs:
  - groupName: slices
    replicas: 2
    minReplicas: 2
    maxReplicas: 2
    numOfHosts: 4
    rayStartParams: {}
    template:
      spec:
        containers:
        - name: ray-worker
          image: rayproject/ray:2.46.0
          resources: {limits: {cpu: 4}}
"""


def objects(text: str) -> dict[str, Any]:
    return {doc["kind"]: doc for doc in yaml.safe_load_all(text)}


def params(text: str) -> dict[str, str]:
    found: dict[str, str] = objects(text)["RayCluster"]["spec"]["headGroupSpec"]["rayStartParams"]
    return found


def ports(text: str) -> dict[int, str]:
    return {p["port"]: p["appProtocol"] for p in objects(text)["Service"]["spec"]["ports"]}


def leaves(value: object, path: str = "") -> dict[str, object]:
    """Every scalar of an object by its path; elements of lists by their name or number where they have one."""
    if isinstance(value, dict):
        return {k: v for key, inner in value.items() for k, v in leaves(inner, f"{path}/{key}").items()}
    if isinstance(value, list):
        found: dict[str, object] = {}
        for at, inner in enumerate(value):
            key = (inner.get("port") or inner.get("name") or at) if isinstance(inner, dict) else at
            found |= leaves(inner, f"{path}/{key}")
        return found
    return {path: value}


def test_ray_version_cpus_and_namespace_are_the_manifest_s() -> None:
    merged = merge(PLAIN, NOTHING)
    made = objects(merged.text)
    assert made["Service"]["metadata"]["namespace"] == "team"
    assert params(merged.text)["node-ip-address"] == ADDRESS.format("mine-headless-svc", "team")
    assert params(merged.text)["max-worker-port"] == str(10002 + 3 + 2 + 8 - 1), "2.5 CPUs are three workers"
    assert merged.notes == ()
    old = merge(PLAIN.replace("2.46.0", "2.10.0"), NOTHING).text
    assert params(old)["dashboard-grpc-port"] == "6384"
    assert ports(old)[6384] == "grpc"


def test_options_say_what_the_manifest_does_not() -> None:
    silent = re.sub(r"  rayVersion.*\n|  namespace: team\n|:2\.46\.0|          resources.*\n", "", PLAIN)
    merged = merge(silent, Wishes(ray=Version(2, 60), namespace="theirs", cpus=4))
    assert params(merged.text)["node-ip-address"] == ADDRESS.format("mine-headless-svc", "theirs")
    assert params(merged.text)["max-worker-port"] == "10015"
    assert merged.notes == ()
    notes = " ".join(merge(silent, Wishes(ray=Version(2, 60))).notes)
    assert "--namespace NAME" in notes
    assert "--cpus N" in notes


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (Wishes(ray=Version(2, 60)), "leave --ray out"),
        (Wishes(namespace="theirs"), "for namespace team, not theirs: leave --namespace out"),
        (Wishes(cpus=2), "3 CPUs, more than --cpus 2"),
        (Wishes(numbers={"node-manager-port": 10003}), "--port NAME=NUMBER or --worker-ports"),
        (Wishes(numbers={"nope": 1}), "no port 'nope'"),
        (Wishes(protocols={"node-manager-port": "http"}), "breaks its calls"),
    ],
)
def test_what_contradicts_the_manifest_is_refused_with_the_option(wishes: Wishes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        merge(BOTH, wishes)


def test_a_service_that_is_there_keeps_its_name_and_own_ports() -> None:
    merged = merge(BOTH, NOTHING).text
    assert params(merged)["node-ip-address"] == ADDRESS.format("nodes-of-team", "team")
    assert ports(merged)[8888] == "http"
    assert ports(merged)[6382] == "http"
    assert ports(merged).keys() >= {p.number for p in working_contract("2.46.0").headless_ports()}
    assert len(list(yaml.safe_load_all(merged))) == 2


@pytest.mark.parametrize("address", [ADDRESS.format("nodes-of-team", "team"), "$POD.$SERVICE.$NAMESPACE.svc", None])
def test_an_address_in_the_service_that_is_there_stays(address: str | None) -> None:
    """Also one that the shell fills in; one that names another Service is put right."""
    right = address or ADDRESS.format("other", "team")
    text = BOTH.replace("dashboard-host: 0.0.0.0", f"node-ip-address: {json.dumps(right)}")
    told = params(merge(text, NOTHING).text)["node-ip-address"]
    assert told == (address or ADDRESS.format("nodes-of-team", "team"))


def test_a_service_is_made_under_the_name_that_the_nodes_have() -> None:
    """A manifest that names no namespace, but its nodes do."""
    text = PLAIN.replace("  namespace: team\n", "")
    text = text.replace("dashboard-host: 0.0.0.0", f"node-ip-address: {ADDRESS.format('nodes', 'theirs')}")
    made = objects(merge(text, NOTHING).text)["Service"]["metadata"]
    assert (made["name"], made["namespace"]) == ("nodes", "theirs")
    hidden = PLAIN.replace("dashboard-host: 0.0.0.0", "node-ip-address: $POD.$SERVICE.team.svc")
    with pytest.raises(UsageError, match=r"name their Service as \$SERVICE, and the file has no such Service"):
        merge(hidden, NOTHING)


def test_numbers_of_the_manifest_stay() -> None:
    text = PLAIN.replace("dashboard-host: 0.0.0.0", "node-manager-port: '7380'\n      max-worker-port: '10030'")
    merged = merge(text, NOTHING).text
    assert (params(merged)["node-manager-port"], params(merged)["max-worker-port"]) == ("7380", "10030")
    assert 7380 in ports(merged)
    assert 10030 in ports(merged)
    assert 6380 not in ports(merged)


def test_ray_s_own_tls_is_declared_tcp() -> None:
    text = PLAIN.replace("          resources", "          env: [{name: RAY_USE_TLS, value: '1'}]\n          resources")
    merged = merge(text, NOTHING).text
    assert {ports(merged)[n] for n in (6380, 6381, 6383, 10002)} == {"tcp"}
    assert ports(merged)[52365] == "http"
    assert lint_texts({"m": merged}).findings == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  clusterIP: None", "  type: NodePort", "of a type that is never headless: take `type` out"),
        ("selector: {ray.io/cluster: mine}", "selector: {team: x, ray.io/cluster: mine}", "select a label that all"),
        ("namespace: team}", "namespace: theirs}", "names several namespaces, team, theirs"),
        ("rayStartParams:", "rayStartParams: &p", r"that an alias refers to, and change that place too"),
    ],
)
def test_what_can_not_be_made_right_is_refused(old: str, new: str, message: str) -> None:
    named = BOTH.replace("dashboard-host: 0.0.0.0", f"node-ip-address: {ADDRESS.format('nodes-of-team', 'team')}")
    text = named.replace(old, new)
    assert text != named
    with pytest.raises(UsageError, match=message):
        merge(text + ("  more: *p\n" if "&p" in new else ""), NOTHING)


@pytest.mark.parametrize("text", ["[]", "{}", "kind: RayCluster\nmetadata: {name: x}\nspec: []\n", "a: b\n"])
def test_a_file_without_a_cluster_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        merge(text, NOTHING)


def test_json_stays_json() -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": list(yaml.safe_load_all(BOTH))}
    merged = merge(json.dumps(items, indent=2), NOTHING).text
    head = json.loads(merged)["items"][1]["spec"]["headGroupSpec"]
    assert head["rayStartParams"] == params(merge(BOTH, NOTHING).text)
    assert head["template"]["metadata"]["labels"] == {"app": "mine"}
    assert json.loads(merged)["items"][0]["spec"] == objects(merge(BOTH, NOTHING).text)["Service"]["spec"]
    with pytest.raises(UsageError, match="a JSON file holds one object"):
        merge(json.dumps(yaml.safe_load(PLAIN)), NOTHING)


@pytest.mark.parametrize("text", [PLAIN, re.sub(".*web.*\n", "", BOTH)], ids=["plain", "both"])
@pytest.mark.parametrize("end", ["", "...\n", "# the end"])
def test_windows_lines_and_ends_of_documents_stay(text: str, end: str) -> None:
    merged = merge((text + end).replace("\n", "\r\n"), NOTHING).text
    assert merged.replace("\r\n", "").count("\n") == 0
    assert merged.replace("\r\n", "\n") == merge(text + end, NOTHING).text
    assert lint_texts({"m": merged}).findings == []
    assert end.strip() in merged


def test_of_several_clusters_the_others_are_left_alone() -> None:
    """Faults of a neighbour are its own business."""
    neighbour = BOTH.replace("mine", "other").replace("nodes-of-team", "others").replace("grpc", "tcp")
    merged = merge(f"{neighbour}---\n{BOTH}", NOTHING, "mine").text
    assert merged.startswith(neighbour)
    assert list(yaml.safe_load_all(merged))[2:] == list(yaml.safe_load_all(merge(BOTH, NOTHING).text))


MADE = re.compile(
    r"RayCluster/spec/\w+(/\d)?(/small-group)?/rayStartParams/|"
    r"RayCluster/spec/.*/template/metadata/labels/app|Service/"
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_a_merge_changes_is_what_it_says(data: st.DataObject) -> None:
    """Original and result parse to objects that differ in ports, addresses and labels alone; twice is once."""
    version = data.draw(st.sampled_from(["2.10.0", "2.46.0", "2.60.0"]))
    plan = Plan(contract(version), name="mine", cpus=data.draw(st.integers(1, 4)))
    lines = as_yaml(service(plan), cluster(plan)).splitlines()
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        if re.search(r"^ +(\S+-port|app|node-ip-address): |^ +(port|appProtocol|targetPort): ", lines[at]):
            lines[at] = data.draw(st.sampled_from([f"{lines[at]}  # mine", re.sub(r": .*", ": '7777'", lines[at])]))
    text = "\n".join(lines) + "\n"
    try:
        merged = merge(text, NOTHING)
    except UsageError:
        return
    before, after = leaves(objects(text)), leaves(objects(merged.text))
    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    assert [path for path in changed if not MADE.search(path)] == []
    assert merge(merged.text, NOTHING).text == merged.text
    assert not [f for f in lint_texts({"m": merged.text}).findings if f.severity > 1]


def test_groups_of_several_hosts_keep_what_kuberay_makes_for_them() -> None:
    """No label that stops KubeRay's own headless Service, no name that it needs; every host of a replica gets ports."""
    made = merge(SEVERAL_HOSTS, Wishes()).text
    loaded = [doc for doc in yaml.safe_load_all(made) if doc]
    (own,) = (doc for doc in loaded if doc["kind"] == "Service")
    (ray,) = (doc for doc in loaded if doc["kind"] == "RayCluster")
    assert own["metadata"]["name"] != "tpu-headless"
    assert "ray.io/headless-worker-svc" not in own["metadata"]["labels"]
    (group,) = ray["spec"]["workerGroupSpecs"]
    assert (group["numOfHosts"], group["replicas"]) == (4, 2)
    assert group["rayStartParams"]["node-manager-port"] == "6380"
    assert [str(finding) for finding in lint_texts({"m": made}).findings] == []
