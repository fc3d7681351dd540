"""The EnvoyFilter and the data patches that let stock Envoy be the sidecar."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from raymesh.errors import Unreadable
from raymesh.mesh import stock_envoy
from raymesh.mesh.stock_labels import Reporter, http_labels, tcp_labels

PROMETHEUS_YML = """
global: {scrape_interval: 15s}
scrape_configs:
- job_name: kubernetes-nodes
- job_name: kubernetes-pods
  relabel_configs: [{action: keep, regex: true, source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]}]
"""


def config_map(prometheus_yml: str = PROMETHEUS_YML) -> dict[str, Any]:
    return {"kind": "ConfigMap", "data": {"prometheus.yml": prometheus_yml, "rules": "{}\n"}}


def raycluster() -> dict[str, Any]:
    group = {"template": {"spec": {"containers": [{"name": "ray"}]}}}
    return {
        "kind": "RayCluster",
        "metadata": {"name": "raycluster-istio"},
        "spec": {"headGroupSpec": copy.deepcopy(group), "workerGroupSpecs": [copy.deepcopy(group)]},
    }


def test_every_sidecar_of_the_mesh_gets_the_filter() -> None:
    doc = stock_envoy.envoy_filter()
    assert doc["metadata"]["namespace"] == "istio-system"
    assert "workloadSelector" not in doc["spec"]
    touched = {
        (p["applyTo"], p["match"]["context"], p["match"]["listener"]["filterChain"]["filter"]["name"])
        for p in doc["spec"]["configPatches"]
    }
    filters = {
        ("HTTP_FILTER", stock_envoy.HTTP_MANAGER),
        ("NETWORK_FILTER", stock_envoy.HTTP_MANAGER),
        ("NETWORK_FILTER", stock_envoy.TCP_PROXY),
    }
    assert touched == {(a, c, f) for a, f in filters for c in ("SIDECAR_INBOUND", "SIDECAR_OUTBOUND")}


def test_nothing_that_only_istios_proxy_knows_is_named() -> None:
    text = yaml.safe_dump(stock_envoy.envoy_filter())
    assert "istio.stats" not in text
    assert "wasm" not in text


def test_the_filter_survives_yaml() -> None:
    doc = stock_envoy.envoy_filter()
    assert yaml.safe_load(yaml.safe_dump(doc)) == doc


@pytest.mark.parametrize("reporter", ["source", "destination"])
def test_http_and_tcp_series_differ_only_where_istio_differs(reporter: Reporter) -> None:
    only_http = set(http_labels(reporter)) - set(tcp_labels(reporter))
    assert only_http == {"response_code", "grpc_response_status"}
    assert set(tcp_labels(reporter)) <= set(http_labels(reporter))


def test_only_the_destination_judges_the_connection() -> None:
    assert http_labels("source")["connection_security_policy"] == "unknown"
    assert "mutual_tls" in http_labels("destination")["connection_security_policy"]


def test_ray_pods_run_as_an_account_named_like_their_workload() -> None:
    before = raycluster()
    account, patched = stock_envoy.own_service_account(before)
    assert account["metadata"] == {"name": "raycluster-istio", "namespace": "default"}
    groups = [patched["spec"]["headGroupSpec"], *patched["spec"]["workerGroupSpecs"]]
    assert [g["template"]["spec"]["serviceAccountName"] for g in groups] == ["raycluster-istio"] * 2
    assert before == raycluster(), "the guide's document itself must not change"


def test_scraped_metrics_get_their_istio_names() -> None:
    before = config_map()
    patched = stock_envoy.rename_scraped_metrics(before)
    nodes, pods = yaml.safe_load(patched["data"]["prometheus.yml"])["scrape_configs"]
    assert "metric_relabel_configs" not in nodes
    assert len(pods["relabel_configs"]) == 1
    assert pods["metric_relabel_configs"] == [
        {
            "action": "replace",
            "source_labels": ["__name__"],
            "regex": "envoy_(istio_.*)",
            "target_label": "__name__",
            "replacement": "$1",
        }
    ]
    assert patched["data"]["rules"] == before["data"]["rules"]
    assert before == config_map()


def test_a_prometheus_that_reads_no_pods_is_refused() -> None:
    with pytest.raises(Unreadable, match=r"'kubernetes-pods', has \['other'\]"):
        stock_envoy.rename_scraped_metrics(config_map("scrape_configs: [{job_name: other}]"))
