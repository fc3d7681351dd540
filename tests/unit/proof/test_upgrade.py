"""A RayService's upgrade: what makes KubeRay begin one, and when the second cluster has taken over."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from raymesh.errors import WaitTimeout
from raymesh.lane import load_lane
from raymesh.manifests.patching import pod_templates
from raymesh.mesh import deployed
from raymesh.paths import ROOT
from raymesh.proof import upgrade
from raymesh.proof.bench import Bench
from raymesh.subject import Subject
from raymesh.subject.wanted import Around, Wanted, named, read, wanted_of
from tests.unit.api.server import Api, borrowed, cluster
from tests.unit.platform.test_rights_used import NO_WITNESSES, mesh

Doc = dict[str, Any]


def service() -> Wanted:
    return wanted_of(read([str(ROOT / "manifests" / "subjects" / "rayservice.yaml")]), Around())


def the_first(wanted: Wanted) -> Subject:
    return named(wanted.subject, "first", "first-head-svc", owner=wanted.owner)


def own(wanted: Wanted) -> Doc:
    return next(doc for doc in wanted.docs if doc["kind"] == "RayService")


def test_a_change_is_one_variable_in_each_container_and_nothing_else() -> None:
    before = own(service())
    once = upgrade.changed(before, "a")
    containers = [one for doc in (once,) for t in pod_templates(doc) for one in t["spec"]["containers"]]
    assert len(containers) == 2
    for container in containers:
        assert [one["value"] for one in container["env"] if one["name"] == upgrade.VARIABLE] == ["a"]
        container["env"] = [one for one in container["env"] if one["name"] != upgrade.VARIABLE]
        if not container["env"]:
            del container["env"]
    assert once == before
    assert upgrade.changed(upgrade.changed(before, "a"), "b") == upgrade.changed(before, "b")


def serve(api: Api, active: str, pending: str = "") -> None:
    doc = own(service())
    status = {
        "activeServiceStatus": {"rayClusterName": active},
        **({"pendingServiceStatus": {"rayClusterName": pending}} if pending else {}),
    }
    api.put({**doc, "status": status})


def head_of(name: str, namespace: str) -> Doc:
    labels = {"ray.io/cluster": name, "ray.io/node-type": "head"}
    metadata = {"name": f"{name}-head-svc", "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {}}


def test_the_second_cluster_is_known_when_it_has_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = service()
    first = the_first(wanted)
    with borrowed(monkeypatch, tmp_path) as api:
        serve(api, "first", "second")
        api.put(head_of("first", first.namespace), head_of("second", first.namespace))
        threading.Timer(2.0, serve, (api, "second")).start()
        second = upgrade.upgraded(cluster(api, tmp_path), wanted, first, within=60)
    assert (second.name, second.head_service, second.owner) == ("second", "second-head-svc", wanted.owner)
    assert second.selector == "ray.io/cluster=second"


def test_one_that_is_only_pending_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = service()
    with borrowed(monkeypatch, tmp_path) as api:
        serve(api, "first", "second")
        with pytest.raises(WaitTimeout, match="the RayCluster of RayService"):
            deployed.found(cluster(api, tmp_path), wanted, within=0.2, other_than="first")


def test_the_second_bench_remembers_nothing_and_forgives_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = service()
    space = wanted.subject.namespace
    with borrowed(monkeypatch, tmp_path) as api:
        api.put(*mesh(space, "first"))
        first = Bench(
            kube=cluster(api, tmp_path), subject=the_first(wanted), lane=load_lane("seed"), stock_proxy=False,
            witnesses=NO_WITNESSES, record=lambda *_: None, roots=frozenset({"1"}), named=frozenset({"a"}),
            named_identities=frozenset(), fresh=False,
        )  # fmt: skip
        first.windows.append([])
        api.put(*mesh(space, "second"))
        second = upgrade.bench_of(first, named(wanted.subject, "second", "second-head-svc", owner=wanted.owner))
    assert second.traffic.subject.name == "second"
    assert second.fresh
    assert (second.windows, second.ledger, second.ways, second.knocks) == ([], None, {}, ())
    assert second.stack is not first.stack
    assert (second.roots, second.named, second.witnesses) == (first.roots, first.named, first.witnesses)
