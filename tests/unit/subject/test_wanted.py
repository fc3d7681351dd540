"""A subject as its manifests ask for it: names, groups, ports, and what is refused before anything is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from raymesh.errors import UsageError
from raymesh.generate import guide
from raymesh.lane import lane_names, load_lane
from raymesh.paths import ROOT
from raymesh.ports import parse_version
from raymesh.subject.wanted import Around, Wanted, named, read, wanted_of

SUBJECTS = ROOT / "manifests" / "subjects"
OLD = Around(kuberay=parse_version("1.1.0"), istio=(1, 21))


def of(*docs: dict[str, Any], around: Around = OLD) -> Wanted:
    return wanted_of({"mine.yaml": yaml.safe_dump_all(docs)}, around)


def docs(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((SUBJECTS / name).read_text()))


def kind(found: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    return next(doc for doc in found if doc["kind"] == wanted)


def subject(name: str, around: Around = OLD) -> Wanted:
    return wanted_of(read([str(SUBJECTS / name)]), around)


def numbers(wanted: Wanted, name: str, group: str = "headgroup") -> tuple[int, ...]:
    role = "head" if group == "headgroup" else "worker"
    return wanted.subject.contract.numbers_of(name, role, group)  # type: ignore[arg-type]  # one of the two


@pytest.mark.parametrize("name", lane_names())
def test_the_guides_own_manifests_are_read_as_the_code_knows_them(name: str) -> None:
    lane = load_lane(name)
    around = Around(kuberay=parse_version(lane.kuberay), istio=lane.istio_minor)
    asked = wanted_of(read([str(ROOT / "manifests" / "ray" / f"{name}.yaml")]), around)
    subject = asked.subject
    assert subject.contract == guide.contract_for(lane.ray, lane.kuberay)
    assert (subject.name, subject.namespace) == ("raycluster-istio", "default")
    assert subject.headless_host == "raycluster-istio-headless-svc.default.svc.cluster.local"
    assert subject.head_host == "raycluster-istio-head-svc.default.svc.cluster.local"
    assert subject.host("10.0.0.7") == f"10-0-0-7.{subject.headless_host}"
    assert subject.groups == {"headgroup": 1, "small-group": 1}
    assert subject.tracing_services == {"raycluster-istio.default"}
    assert subject.service_accounts == {"default"}
    assert [one.rule for one in asked.said] == ["RM008"]  # the guide's own word for 6382, a note


def test_groups_have_numbers_of_their_own() -> None:
    three = subject("three-groups.yaml")
    assert dict(three.subject.groups) == {"headgroup": 1, "plain": 1, "wide": 1, "beside": 1}
    assert numbers(three, "node-manager-port") == (7480,)
    assert numbers(three, "object-manager-port", "wide") == (7491,)
    assert numbers(three, "object-manager-port", "plain") == (7481,)
    assert set(numbers(three, "worker-ports", "wide")) == set(range(22000, 22013))
    assert numbers(three, "dashboard-agent-listen-port", "beside") == (52365,)
    declared = {port.number for port in three.subject.contract.headless_ports()}
    assert {7480, 7481, 7491, 21000, 21012, 22000, 6379} <= declared
    assert not declared & {6380, 6381, 6383, 10002, 8080}


def test_a_container_beside_ray_may_listen_where_it_says() -> None:
    three = subject("three-groups.yaml").subject
    assert three.beside["beside"] == {9999: "ledger"}
    assert not three.beside["plain"]


def test_an_autoscaler_may_listen_and_its_group_may_grow() -> None:
    elastic = subject("autoscaler.yaml").subject
    assert elastic.counts("small-group") == (1, 2)
    assert elastic.counts("headgroup") == (1, 1)
    assert 44217 in elastic.beside["headgroup"]


@pytest.mark.parametrize(("name", "of_kind"), [("rayjob.yaml", "RayJob"), ("rayservice.yaml", "RayService")])
def test_a_cluster_that_kuberay_names_is_known_by_that_name_later(name: str, of_kind: str) -> None:
    later = subject(name)
    assert later.named_later
    assert later.subject.kind == of_kind
    made = named(later.subject, "made-up-x1y2", "made-up-x1y2-head-svc", owner=later.owner)
    assert (made.name, made.owner) == ("made-up-x1y2", later.owner)
    assert made.selector == "ray.io/cluster=made-up-x1y2"
    assert made.head_host.startswith("made-up-x1y2-head-svc.")
    assert made.headless_host == later.subject.headless_host
    assert made.tracing_services == later.subject.tracing_services  # both go by their pods' label `app`


def test_without_an_app_label_traces_go_by_the_cluster_or_from_istio_1_30_on_by_kuberay() -> None:
    found = docs("runtime-env-http.yaml")
    for group in (
        kind(found, "RayCluster")["spec"]["headGroupSpec"],
        *kind(found, "RayCluster")["spec"]["workerGroupSpecs"],
    ):
        del group["template"]["metadata"]
    assert of(*found).subject.tracing_services == {"plain.default"}
    assert of(*found, around=Around(istio=(1, 30))).subject.tracing_services == {"kuberay.default"}
    kind(found, "RayCluster")["spec"]["headGroupSpec"]["template"]["metadata"] = {"labels": {"app": "boss"}}
    assert of(*found).subject.tracing_services == {"plain.default", "boss.default"}


def test_a_subject_without_a_headless_service_goes_by_addresses() -> None:
    bare = subject("broken-no-service.yaml").subject
    assert bare.headless_service == bare.headless_host == ""
    assert bare.host("10.0.0.7") == "10.0.0.7"


def test_what_is_declared_wrongly_is_expected_right() -> None:
    deaf = subject("broken-wrong-protocol.yaml").subject
    assert deaf.contract.protocol_of(52365) == "http"


@pytest.mark.parametrize(
    ("word", "expected"), [("grpc", "grpc"), ("http2", "grpc"), ("tcp", "tcp"), ("http", "tcp"), (None, "tcp")]
)
def test_a_port_of_the_head_may_be_declared_as_it_speaks_or_as_kuberay_does(word: str | None, expected: str) -> None:
    found = docs("runtime-env-http.yaml")
    [gcs] = [port for port in kind(found, "Service")["spec"]["ports"] if port["port"] == 6379]
    gcs["appProtocol"] = word
    if word is None:
        del gcs["appProtocol"]
    assert of(*found).subject.contract.protocol_of(6379) == expected


def test_a_list_of_worker_ports_is_as_it_stands() -> None:
    found = docs("runtime-env-http.yaml")
    params = kind(found, "RayCluster")["spec"]["workerGroupSpecs"][0]["rayStartParams"]
    del params["max-worker-port"]
    params["worker-port-list"] = "30001,30002,30007"
    assert numbers(of(*found), "worker-ports", "small-group") == (30001, 30002, 30007)


def test_a_port_that_no_flag_fixes_has_no_number_and_says_why() -> None:
    found = docs("runtime-env-http.yaml")
    del kind(found, "RayCluster")["spec"]["headGroupSpec"]["rayStartParams"]["object-manager-port"]
    wanted = of(*found)
    assert numbers(wanted, "object-manager-port") == ()
    [random] = [p for p in wanted.subject.contract.named("object-manager-port") if p.numbers is None]
    assert "object-manager-port" in random.allowed
    assert numbers(wanted, "object-manager-port", "small-group") == (6381,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: [found[0]], "one RayCluster, RayJob or RayService is proven at a time, .* have none"),
        (lambda found: [*found, {**found[1], "metadata": {"name": "other"}}], "RayCluster plain, RayCluster other"),
        (lambda found: [found[0], _without_version(found[1])], "does not say its version of Ray: set rayVersion"),
        (lambda found: [found[0], _in_zone(found[1], "corp.example")], "names of nodes end with corp.example"),
        (
            lambda found: [found[0], _in_service(found[1], "another-svc")],
            "names in several Services, another-svc, plain",
        ),
        (lambda found: [found[0], {**found[1], "spec": "x"}], r"mine.yaml:\d+:\d+.*`spec` must be a mapping"),
    ],
    ids=["no cluster", "two", "no version", "another zone", "two Services", "a shape"],
)
def test_what_is_no_subject_is_refused_with_the_reason(change: Any, said: str) -> None:
    with pytest.raises(UsageError, match=f"--subject: .*{said}"):
        of(*change(docs("runtime-env-http.yaml")))


def _without_version(doc: dict[str, Any]) -> dict[str, Any]:
    del doc["spec"]["rayVersion"]
    doc["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["image"] = "mine/ours:main"
    return doc


def _in_zone(doc: dict[str, Any], zone: str) -> dict[str, Any]:
    text = yaml.safe_dump(doc).replace("svc.cluster.local", f"svc.{zone}")
    changed: dict[str, Any] = yaml.safe_load(text)
    return changed


def _in_service(doc: dict[str, Any], service: str) -> dict[str, Any]:
    params = doc["spec"]["workerGroupSpecs"][0]["rayStartParams"]
    params["node-ip-address"] = params["node-ip-address"].replace("plain-headless-svc", service)
    return doc


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--subject: .*nowhere.yaml.*no such file"):
        read([str(tmp_path / "nowhere.yaml")])


def test_lists_are_unpacked_for_kubectl() -> None:
    found = docs("runtime-env-http.yaml")
    assert [doc["kind"] for doc in of({"apiVersion": "v1", "kind": "List", "items": found}).docs] == [
        "Service",
        "RayCluster",
    ]


@pytest.mark.parametrize(
    ("name", "kuberay", "refused"),
    [
        ("rayjob-sidecar.yaml", "1.4.2", True),
        ("rayjob-sidecar.yaml", "1.5.0", False),
        ("rayjob-interactive.yaml", "1.2.2", True),
        ("rayjob-interactive.yaml", "1.3.0", False),
        ("rayjob-submitter.yaml", "1.1.0", False),
        ("rayjob.yaml", "1.1.0", False),
    ],
)
def test_a_way_to_submit_that_this_kuberay_does_not_know_is_refused(name: str, kuberay: str, refused: bool) -> None:
    around = Around(kuberay=parse_version(kuberay))
    if not refused:
        assert subject(name, around).subject.kind == "RayJob"
        return
    with pytest.raises(UsageError, match=rf"submissionMode \w+Mode, which KubeRay knows from .* and this is {kuberay}"):
        subject(name, around)
