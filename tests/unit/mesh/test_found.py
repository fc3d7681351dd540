"""What a borrowed cluster has, told from its pods and Services as clusters have them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.mesh.found import Found, demand, understood

Doc = dict[str, Any]


def pod(name: str, namespace: str, image: str, *, beside: tuple[str, ...] = (), **labels: str) -> Doc:
    named = {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    containers = [{"name": "own", "image": image}, *({"name": one, "image": "x:1"} for one in beside)]
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": named},
        "spec": {"containers": containers, "serviceAccountName": name},
    }


def service(name: str, namespace: str, *ports: int, **labels: str) -> Doc:
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {k.replace("_", "."): v for k, v in labels.items()},
        },
        "spec": {"ports": [{"port": port} for port in ports]},
    }


ISTIOD = pod("istiod-a", "istio-system", "docker.io/istio/pilot:1.28.3", app="istiod")
OPERATOR = pod("operator", "kuberay", "quay.io/kuberay/operator:v1.4.2")
ADDONS = (
    service("kiali", "istio-system", 20001, 9090),
    service("tracing", "istio-system", 80, 16685),
    service("jaeger-collector", "istio-system", 14268, 9411),
    service("prometheus", "istio-system", 9090),
)


def found(
    *services: Doc,
    istiod: tuple[Doc, ...] = (ISTIOD,),
    operator: tuple[Doc, ...] = (OPERATOR,),
    known: Collection[str] = (),
) -> Found:
    return understood(istiod, operator, services, lambda *_: {"trustDomain": "td"}, kubernetes="v1.31.2", known=known)


def test_istios_own_addons_are_found_beside_istiod() -> None:
    there = found(*ADDONS)
    assert {name: (one.service, one.port) for name, one in there.addons.items()} == {
        "kiali": ("kiali", 20001),
        "jaeger": ("tracing", 80),
        "prometheus": ("prometheus", 9090),
    }
    assert not there.missing
    demand(there)
    assert there.versions == {"kubernetes": "1.31.2", "istiod": "1.28.3", "kuberay-operator": "1.4.2"}
    assert (there.istio_minor, str(there.kuberay_version), there.trust_domain) == ((1, 28), "1.4.2", "td")


def test_other_peoples_names_and_namespaces_are_found_by_label() -> None:
    there = found(
        service("my-kiali", "watch", 443),
        service("jaeger-query", "watch", 16686),
        service("prometheus-server", "watch", 80),
        known=("kiali",),
    )
    assert (there.addons["jaeger"].namespace, there.addons["jaeger"].port) == ("watch", 16686)
    assert there.addons["prometheus"].port == 80
    assert "kiali" not in there.addons
    assert "kiali" not in there.missing


@pytest.mark.parametrize("label", ["app.kubernetes.io/name", "app", "k8s-app"])
def test_a_label_names_it_whatever_its_name(label: str) -> None:
    kiali = service("observe", "watch", 20001)
    kiali["metadata"]["labels"] = {label: "kiali"}
    assert found(kiali, known=("jaeger", "prometheus")).addons["kiali"].service == "observe"


def test_of_several_the_one_beside_istiod_is_taken_and_else_none() -> None:
    two = (service("prometheus", "monitoring", 9090), service("prometheus", "other", 9090))
    there = found(*two, known=("kiali", "jaeger"))
    assert there.missing["prometheus"].startswith("several: ")
    with pytest.raises(EnvironmentFault, match=r"prometheus: several.*\n.*--prometheus URL"):
        demand(there)
    beside = found(*two, *ADDONS, known=("kiali", "jaeger"))
    assert beside.addons["prometheus"].namespace == "istio-system"


def test_all_that_is_missing_is_said_at_once_with_each_cure() -> None:
    there = found(istiod=(), operator=())
    assert set(there.missing) == {"istio", "kuberay", "kiali", "jaeger", "prometheus"}
    with pytest.raises(EnvironmentFault, match=r"(?s)istio: .*kuberay: .*install Istio.*--without kiali"):
        demand(there)


def test_a_revision_is_asked_for_by_its_label() -> None:
    canary = pod("istiod-b", "mesh", "mine/pilot:1.30.1-distroless", app="istiod", istio_io__rev="canary")
    assert found(istiod=(canary,)).injection == {"istio.io/rev": "canary"}
    assert found(istiod=(canary, ISTIOD)).injection == {"istio-injection": "enabled"}
    assert found(istiod=(canary,)).istio_minor == (1, 30)


def test_an_image_by_digest_has_no_version() -> None:
    bare = pod("istiod-a", "istio-system", "istio/pilot@sha256:0123", app="istiod")
    assert found(istiod=(bare,)).istio_minor is None
    assert "istiod" not in found(istiod=(bare,)).versions


def test_an_operator_with_a_sidecar_is_in_the_mesh() -> None:
    assert not found().operator_in_mesh
    inside = pod("operator", "kuberay", "quay.io/kuberay/operator:v1.4.2", beside=("istio-proxy",))
    assert found(operator=(inside,)).operator_in_mesh
