"""Kiali, Jaeger and Prometheus."""

from __future__ import annotations

import re

from raymesh.errors import Unreadable
from raymesh.manifests.patching import Doc, load, with_images
from raymesh.mesh import stock_envoy
from raymesh.mesh.istio import NAMESPACE
from raymesh.mesh.running import versions
from raymesh.platform.kube import Kube
from raymesh.witness.pods import Pod

JAEGER_ADMIN_PORT = 14269
NAMES = ("prometheus", "jaeger", "kiali")  # Kiali asks the other two when it starts


def docs(images: dict[str, str], *, stock_proxy: bool) -> list[Doc]:
    """Return the addons' manifests with `images` (as written -> as served)."""
    found = with_images([doc for name in NAMES for doc in load(f"addons/{name}.yaml")], images)
    if not stock_proxy:
        return found
    return [stock_envoy.rename_scraped_metrics(doc) if _is_scrape_config(doc) else doc for doc in found]


def wait(kube: Kube, *, within: float) -> None:
    """Wait until all addons are Ready."""
    for name in NAMES:
        kube.wait_ready(NAMESPACE, f"app={name}", count=1, within=within)


def _is_scrape_config(doc: Doc) -> bool:
    return doc["kind"] == "ConfigMap" and "prometheus.yml" in doc["data"]


def jaeger_version(kube: Kube) -> str:
    """Return the version that Jaeger reports among its own metrics (all-in-one 1.42 to 1.76: jaeger_build_info)."""

    def ask(pod: Pod) -> str:
        metrics = kube.of_pod(NAMESPACE, pod.name, JAEGER_ADMIN_PORT, "metrics")
        found = re.search(r'^jaeger_build_info\{.*version="v?([^"]+)"', metrics, re.MULTILINE)
        if not found:
            raise Unreadable("Jaeger's metrics have no jaeger_build_info")
        return found[1]

    return versions(kube, NAMESPACE, "app=jaeger", ask)
