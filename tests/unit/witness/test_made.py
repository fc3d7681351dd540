"""What KubeRay made of a cluster, read from answers of the API's shape: Services, containers, probes, flags."""

from __future__ import annotations

import json
from typing import Any

import pytest

from raymesh.errors import Unreadable
from raymesh.witness.made import Service, Shape, parse_services, parse_shapes

Doc = dict[str, Any]
GCS = {"port": 6379, "name": "gcs", "appProtocol": "tcp"}


def services(*items: Doc) -> str:
    return json.dumps({"items": items})


def service(name: str, owner: str = "", **spec: Any) -> Doc:
    owners = [{"kind": owner}] if owner else []
    return {"metadata": {"name": name, "ownerReferences": owners}, "spec": spec}


def test_services_say_who_made_them_whether_they_are_headless_and_what_each_port_speaks() -> None:
    found = parse_services(
        services(
            service("mine", clusterIP="10.0.0.1", ports=[{"port": 80, "protocol": "TCP"}]),
            service(
                "head", "RayCluster", clusterIP="None", ports=[{"port": 6379, "name": "gcs", "appProtocol": "tcp"}]
            ),
            service("serve", "Job", clusterIP="10.0.0.2"),
        )
    )
    assert found == (
        Service("head", "RayCluster", headless=True, ports=("6379 gcs, tcp",)),
        Service("mine", "", headless=False, ports=("80 TCP, no appProtocol",)),
        Service("serve", "", headless=False, ports=()),
    )


def pod(containers: list[Doc], inits: list[Doc] | None = None) -> str:
    return json.dumps(
        {"items": [{"metadata": {"name": "p"}, "spec": {"containers": containers, "initContainers": inits}}]}
    )


def test_an_init_container_that_goes_on_is_a_native_sidecar() -> None:
    found = parse_shapes(
        pod([{"name": "ray"}], [{"name": "istio-proxy", "restartPolicy": "Always"}, {"name": "istio-init"}])
    )
    assert [(one.name, one.kind) for one in found] == [
        ("ray", "container"),
        ("istio-proxy", "native sidecar"),
        ("istio-init", "init container"),
    ]


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["ulimit -n 65536; ray start --head  --port=6379 --block "], ("--block", "--head", "--port=6379")),
        (["bash", "-lc", "ray start --address=a:6379"], ("--address=a:6379",)),
        (["ray start --node-ip-address=$(hostname -I | tr -d ' ') --b=1"], ("--b=1", "--node-ip-address=$(hostname")),
        (["python", "--head"], ()),
        (["array start --head"], ()),
    ],
)
def test_flags_are_those_of_ray_start(words: list[str], flags: tuple[str, ...]) -> None:
    [found] = parse_shapes(pod([{"name": "ray", "command": words[:-1], "args": words[-1:]}]))
    assert found == Shape("p", "ray", "container", (), flags)


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (
            {"exec": {"command": ["bash", "-c", "wget  -q\n x"]}, "periodSeconds": 5},
            "exec bash -c wget -q x, every 5 s",
        ),
        ({"httpGet": {"path": "/ready", "port": 52365, "scheme": "HTTP"}}, "httpGet HTTP :52365/ready"),
        ({"tcpSocket": {"port": "gcs"}}, "tcpSocket :gcs"),
        ({"grpc": {"port": 9000}, "periodSeconds": 10}, "grpc :9000, every 10 s"),
    ],
)
def test_a_probe_says_what_it_does_and_how_often(probe: Doc, said: str) -> None:
    [found] = parse_shapes(pod([{"name": "ray", "livenessProbe": probe, "startupProbe": probe}]))
    assert found.probes == (f"startup: {said}", f"liveness: {said}")


def test_a_probe_of_an_unknown_kind_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"readinessProbe: wants one of exec, grpc, httpGet, tcpSocket"):
        parse_shapes(pod([{"name": "ray", "readinessProbe": {"udp": {}}}]))
