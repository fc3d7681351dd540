"""What is known of Ray's ports, with the source of each fact. Numbers are the guide's, protocols what Ray speaks.

Sources: `guide` is the mTLS and Istio guide of KubeRay; `measured` are released builds of 2.10.0, 2.46.0, 2.54.0 and
2.60.0 started as head and worker on two hosts; paths are files of ray-project/ray.
"""

from __future__ import annotations

from collections.abc import Mapping

from raymesh.ports.model import BOTH, HEAD, WORKER_PORTS, AppProtocol, Crossing, DeclaredIn, Port
from raymesh.ports.versions import Version

GUIDE_WORKER_PORTS = range(10002, 10013)
RAY_WORKER_PORTS = range(10002, 20000)
# Where the guide's Service says another protocol than the port speaks. Measured on a cluster: the port serves HTTP/1.1
# behind a proxy that was told gRPC, and `ray list runtime-envs` fails for other nodes; nothing else dials it.
GUIDE_PROTOCOLS: Mapping[str, AppProtocol] = {"runtime-env-agent-port": "grpc"}
# Numbers for ports that the guide leaves random: a call to a random port leaves the mesh.
PINNED: Mapping[str, int] = {"dashboard-grpc-port": 6384}


def _one(number: int) -> range:
    return range(number, number + 1)


def _headless(
    name: str,
    number: int,
    protocol: AppProtocol,
    source: str,
    *,
    default: int | None = None,
    crosses: tuple[Crossing, ...] = (),
) -> Port:
    return Port(
        name=name,
        numbers=_one(number),
        flags=(name,),
        default=None if default is None else _one(default),
        app_protocol=protocol,
        speaks=protocol,
        roles=BOTH,
        crosses=crosses,
        declared_in="headless",
        source=source,
    )


def _head(
    name: str,
    number: int,
    flag: str | None,
    source: str,
    *,
    speaks: AppProtocol,
    crosses: tuple[Crossing, ...] = (),
    declared_in: DeclaredIn = "head-service",
    allowed: str = "",
) -> Port:
    return Port(
        name=name,
        numbers=_one(number),
        flags=(flag,) if flag else (),
        default=_one(number),
        app_protocol="tcp",
        speaks=speaks,
        roles=HEAD,
        crosses=crosses,
        declared_in=declared_in,
        source=source,
        allowed=allowed,
    )


# The order is the guide's; the headless Service is made in this order.
PORTS: tuple[Port, ...] = (
    _headless(
        "node-manager-port",
        6380,
        "grpc",
        "guide; measured: worker->head from 2.54 on",
        crosses=("head->worker", "worker->head"),
    ),
    _headless("object-manager-port", 6381, "grpc", "guide; measured", crosses=("head->worker", "worker->head")),
    _headless(
        "runtime-env-agent-port",
        6382,
        "http",
        "python/ray/_private/runtime_env/agent/main.py is an HTTP server; measured: the dashboard asks every node's "
        "for `ray list runtime-envs`; the guide declares grpc",
        crosses=("head->worker",),
    ),
    _headless("dashboard-agent-grpc-port", 6383, "grpc", "guide; measured: crosses on 2.10", crosses=("head->worker",)),
    _headless(
        "dashboard-agent-listen-port",
        52365,
        "http",
        "guide; measured: crosses when the state, log or job API is used",
        default=52365,
        crosses=("head->worker",),
    ),
    _headless(
        "metrics-export-port",
        8080,
        "http",
        "guide; KubeRay sets 8080 where the flag is missing; measured: never crosses, a scraper dials it",
        default=8080,
    ),
    Port(
        name=WORKER_PORTS,
        numbers=GUIDE_WORKER_PORTS,
        flags=("min-worker-port", "max-worker-port", "worker-port-list"),
        default=RAY_WORKER_PORTS,
        app_protocol="grpc",
        speaks="grpc",
        roles=BOTH,
        crosses=("head->worker", "worker->head"),
        declared_in="headless",
        source="guide; measured: workers, drivers and agents share it",
    ),
    _head(
        "gcs-server-port", 6379, "port", "measured; KubeRay's head Service", speaks="grpc", crosses=("worker->head",)
    ),
    _head("dashboard-port", 8265, "dashboard-port", "measured; KubeRay's head Service", speaks="http"),
    _head("client-port", 10001, "ray-client-server-port", "measured; KubeRay's head Service", speaks="grpc"),
    Port(
        name="dashboard-grpc-port",
        numbers=None,
        flags=("dashboard-grpc-port",),
        default=None,
        app_protocol="grpc",
        speaks="grpc",
        roles=HEAD,
        crosses=("worker->head",),
        declared_in="none",
        source="measured: random on 2.10, dialled by a worker in 1 of 3 runs; gone from dashboard/head.py in 2.45",
        until=Version(2, 45),
        allowed="random on this version and not in the guide: pin it with numbers={'dashboard-grpc-port': ...}",
    ),
    _head(
        "autoscaler-metrics",
        44217,
        None,
        "measured; env AUTOSCALER_METRIC_PORT",
        speaks="http",
        declared_in="none",
        allowed="metrics of the autoscaler: no Ray node dials them, only a scraper",
    ),
    _head(
        "dashboard-metrics",
        44227,
        None,
        "measured; env DASHBOARD_METRIC_PORT",
        speaks="http",
        declared_in="none",
        allowed="metrics of the dashboard: no Ray node dials them, only a scraper",
    ),
    Port(
        name="client-servers",
        numbers=range(23000, 24000),
        flags=(),
        default=range(23000, 24000),
        app_protocol="grpc",
        speaks="grpc",
        roles=HEAD,
        crosses=(),
        declared_in="none",
        source="python/ray/util/client/server/proxier.py",
        allowed="one server for each Ray Client connection, dialled by the proxy on 10001 in the same pod",
    ),
)

SERVE_PORTS: tuple[Port, ...] = (
    Port(
        name="serve-port",
        numbers=_one(8000),
        flags=(),
        default=_one(8000),
        app_protocol="tcp",
        speaks="http",
        roles=BOTH,
        crosses=(),
        declared_in="head-service",
        source="measured; KubeRay's head and serve Services",
    ),
    Port(
        name="serve-grpc-port",
        numbers=_one(9000),
        flags=(),
        default=_one(9000),
        app_protocol="grpc",
        speaks="grpc",
        roles=BOTH,
        crosses=(),
        declared_in="none",
        source="python/ray/serve/_private/constants.py",
        allowed="only if the Serve config asks for gRPC",
    ),
    Port(
        name="serve-replica-grpc",
        numbers=None,
        flags=(),
        default=None,
        app_protocol="grpc",
        speaks="grpc",
        roles=BOTH,
        crosses=(),
        declared_in="none",
        source="measured on 2.60.0; python/ray/serve/_private/replica.py from 2.54 on",
        since=Version(2, 54),
        allowed="one random port a replica, dialled only with RAY_SERVE_USE_GRPC_BY_DEFAULT: no mesh knows it",
    ),
)
