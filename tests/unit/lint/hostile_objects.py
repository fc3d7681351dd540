"""Hostile inputs: KubeRay's own objects, their container ports, and other operators' clusters."""

from __future__ import annotations

from typing import Any

import yaml

from tests.unit.lint.examples import CLEAN, OLD_CLEAN
from tests.unit.lint.hostile import DASHBOARD, GCS, case, cluster, environment, ports, replaced

V2 = {"enableInTreeAutoscaling": True, "autoscalerOptions": {"version": "v2"}}
REDIS = {"gcsFaultToleranceOptions": {"redisAddress": "redis:6379"}}
SECRET = {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
LABELLED = ("labels:\n    app: mine\n", "labels:\n    app: mine\n    ray.io/headless-worker-svc: mine\n")
SHARED = cluster(worker={"numOfHosts": 4})
APP_WRAPPER = {
    "apiVersion": "workload.codeflare.dev/v1beta2",
    "kind": "AppWrapper",
    "metadata": {"name": "a"},
    "spec": {"components": [{"template": list(yaml.safe_load_all(CLEAN))[1]}]},
}
INCREMENTAL = {"type": "NewClusterWithIncrementalUpgrade"}
PROXY = {"name": "istio-proxy", "image": "auto"}


def port(number: int, name: str | None = None, **more: Any) -> dict[str, Any]:
    return {"containerPort": number, **({"name": name} if name else {}), **more}


def head_service(**spec: Any) -> dict[str, Any]:
    return {"headService": {"spec": spec}}


def job(*, meta: Any = None, spec: Any = None, head: Any = None, **outer: Any) -> str:
    return cluster(kind="RayJob", outer=outer, meta=meta, spec=spec, head=head)


def service(*, meta: Any = None, head: Any = None, **outer: Any) -> str:
    return cluster(kind="RayService", outer=outer, meta=meta, head=head)


CASES = {
    "all ports are listed": case("", cluster(head=ports(GCS, DASHBOARD, port(10001, "client")))),
    "ports without the GCS": case("RM076", cluster(head=ports(DASHBOARD, port(10001, "client")))),
    "the GCS without a name": case("", cluster(head=ports(port(6379), DASHBOARD))),
    "the GCS by its old name": case("", cluster(head=ports(port(6379, "redis"), DASHBOARD))),
    "the GCS as UDP, which KubeRay does not look at": case(
        "", cluster(head=ports({**GCS, "protocol": "UDP"}, DASHBOARD))
    ),
    "the GCS at another container": case(
        "RM076 RM091",
        cluster(head={**ports(DASHBOARD), "beside": [{"name": "side", "image": "nginx", "ports": [GCS]}]}),
    ),
    "a long port name": case("RM012", cluster(head=ports(GCS, DASHBOARD, port(9999, "a-very-long-port-name")))),
    "a port name of 15": case("", cluster(head=ports(GCS, DASHBOARD, port(9999, "fifteen-letters")))),
    "a port name twice": case("RM012", cluster(head=ports(GCS, DASHBOARD, port(9999, "dashboard")))),
    "a name twice in two containers": case(
        "", cluster(head={**ports(GCS, DASHBOARD), "beside": [{"name": "x", "ports": [port(9999, "dashboard")]}]})
    ),
    "a number under two names": case("RM079", cluster(head=ports(GCS, DASHBOARD, port(6379, "redis")))),
    "8080 under another name": case("RM079", cluster(head=ports(GCS, DASHBOARD, port(8080, "prom")))),
    "8080 as metrics": case("", cluster(head=ports(GCS, DASHBOARD, port(8080, "metrics")))),
    "8080 at a worker": case("", cluster(worker=ports(port(8080, "prom")))),
    "a port name in capitals": case("RM012", cluster(head=ports(port(6379, "GCS"), DASHBOARD))),
    "a port name without a letter": case("RM012", cluster(head=ports(port(6379, "6379"), DASHBOARD))),
    "a port name with two dashes": case("RM012", cluster(head=ports(port(6379, "gcs--server"), DASHBOARD))),
    "port 0": case("RM012", cluster(head=ports(port(0, "x"), GCS, DASHBOARD))),
    "port 70000": case("RM012", cluster(head=ports(port(70000, "x"), GCS, DASHBOARD))),
    "the GCS moved": case("RM076", cluster(head={"params": {"port": "6400"}})),
    "the dashboard moved": case("RM078", cluster(head={"params": {"dashboard-port": "8300"}})),
    "the dashboard moved and listed": case(
        "", cluster(head={**ports(GCS, port(8300, "dashboard")), "params": {"dashboard-port": "8300"}})
    ),
    "the client's port moved": case("RM078", cluster(head={"params": {"ray-client-server-port": "10050"}})),
    "headService with KubeRay's port": case(
        "RM079", cluster(head=head_service(ports=[{"name": "dashboard", "port": 8265}]))
    ),
    "headService with a port of its own": case("", cluster(head=head_service(ports=[{"name": "x", "port": 9999}]))),
    "headService with a type": case("", cluster(head=head_service(type="ClusterIP"))),
    "headService with a name": case("", cluster(head={"headService": {"metadata": {"name": "my-head"}}})),
    "several hosts": case("", SHARED),
    "several hosts, and KubeRay's label": case("RM080", replaced(LABELLED, text=SHARED)),
    "KubeRay's label, and one host": case("", replaced(LABELLED, text=cluster(worker={"numOfHosts": 1}))),
    "a name of 60": case("RM012 RM082", CLEAN.replace("mine", "m" * 60)),
    "a name of 53": case("RM012", CLEAN.replace("mine", "m" * 53)),
    "resources in two places": case("RM082", cluster(head={"resources": {"CPU": "1"}})),
    "labels among rayStartParams": case("RM082", cluster(head={"params": {"labels": "a=b"}})),
    "least above most": case("RM082", cluster(worker={"minReplicas": 3, "maxReplicas": 1})),
    "fewer than none": case("RM082", cluster(worker={"minReplicas": -1})),
    "a group that rests, and the autoscaler": case("RM082", cluster(spec=V2, worker={"suspend": True})),
    "idle time without the second autoscaler": case("RM082", cluster(worker={"idleTimeoutSeconds": 60})),
    "idle time with it": case("", cluster(spec=V2, worker={"idleTimeoutSeconds": 60})),
    "Redis by its variable alone": case("RM082", cluster(head=environment(RAY_REDIS_ADDRESS="redis:6379"))),
    "Redis by variable and annotation": case(
        "RM083",
        cluster(head=environment(RAY_REDIS_ADDRESS="redis:6379"), meta={"annotations": {"ray.io/ft-enabled": "true"}}),
    ),
    "Redis' user as a flag": case("RM082", cluster(head={"params": {"redis-username": "x"}})),
    "Redis' user as a variable": case("RM082", cluster(head=environment(REDIS_USERNAME="x"))),
    "Redis by its options": case("RM083", cluster(spec=REDIS)),
    "Redis twice": case("RM082 RM083", cluster(spec=REDIS, head=environment(RAY_REDIS_ADDRESS="redis:6379"))),
    "Redis' password from a secret": case(
        "RM082 RM083", cluster(spec=REDIS, head={"ray": {"env": [{"name": "REDIS_PASSWORD", **SECRET}]}})
    ),
    "the second autoscaler without the first switch": case(
        "RM082", cluster(head=environment(RAY_enable_autoscaler_v2="1"))
    ),
    "a head that is started again": case("RM082", cluster(spec=V2, head={"pod": {"restartPolicy": "Always"}})),
    "the first autoscaler": case("RM036", cluster(spec={**V2, "autoscalerOptions": {"version": "v1"}})),
    "tokens of an old Ray": case(
        "RM028 RM082", replaced(("2.10.0\n", "2.10.0\n  authOptions: {mode: token}\n"), text=OLD_CLEAN)
    ),
    "tokens": case("", cluster(spec={"authOptions": {"mode": "token"}})),
    "tokens of Kubernetes without tokens": case("RM082", cluster(spec={"authOptions": {"enableK8sTokenAuth": True}})),
    "tokens of Kubernetes and a secret": case(
        "RM082", cluster(spec={"authOptions": {"mode": "token", "enableK8sTokenAuth": True, "secretName": "x"}})
    ),
    "an upgrade of another kind": case("RM082", cluster(spec={"upgradeStrategy": {"type": "NewCluster"}})),
    "an upgrade": case("", cluster(spec={"upgradeStrategy": {"type": "Recreate"}})),
    "no container": case(
        "RM081",
        cluster().replace(
            "containers:\n        - name: ray-head\n          image: rayproject/ray:2.60.0", "containers: []"
        ),
    ),
    "a key that is none": case("RM043", cluster(spec={"workerGroupSpec": []})),
    "a key of a group that is none": case("RM043", cluster(worker={"rayStartParam": {}})),
    "a job": case("", job()),
    "a job selected by its name": case(
        "RM014", replaced(("    app: mine\n  publish", "    ray.io/cluster: mine\n  publish"), text=job())
    ),
    "a job that rests": case("RM082", job(suspend=True)),
    "a job with a time to live": case("RM082", job(ttlSecondsAfterFinished=10)),
    "a job that shuts down": case("", job(ttlSecondsAfterFinished=10, shutdownAfterJobFinishes=True)),
    "a job with fewer tries than none": case("RM082", job(backoffLimit=-1)),
    "a job without time": case("RM082", job(activeDeadlineSeconds=0)),
    "a job in the head, started again": case(
        "RM082", job(submissionMode="SidecarMode", head={"pod": {"restartPolicy": "Always"}})
    ),
    "a job in the head with a submitter": case(
        "RM082", job(submissionMode="SidecarMode", submitterPodTemplate={"spec": {}})
    ),
    "an environment that is no YAML": case("RM082", job(runtimeEnvYAML="a: b: c")),
    "an interactive job": case("", job(submissionMode="InteractiveMode")),
    "a job with a name of 48": case("RM082", job(meta={"name": "j" * 48})),
    "a job that keeps its head, and the autoscaler": case(
        "RM082",
        job(
            spec=V2, deletionStrategy={"onSuccess": {"policy": "DeleteWorkers"}, "onFailure": {"policy": "DeleteSelf"}}
        ),
    ),
    "a service": case("", service()),
    "a service whose head Service has a name": case(
        "RM082", service(head={"headService": {"metadata": {"name": "x"}}})
    ),
    "a service with another upgrade": case("RM082", service(upgradeStrategy={"type": "Recreate"})),
    "a service that upgrades step by step, without steps": case("RM082", service(upgradeStrategy=INCREMENTAL)),
    "a service with a delay below none": case("RM082", service(rayClusterDeletionDelaySeconds=-1)),
    "a service that waits for soon": case(
        "RM082", service(meta={"annotations": {"ray.io/initializing-timeout": "soon"}})
    ),
    "a cron job": case("", cluster(kind="RayCronJob")),
    "a cron job of every day": case("RM082", cluster(kind="RayCronJob", outer={"schedule": "every day"})),
    "a cron job with seconds": case("RM082", cluster(kind="RayCronJob", outer={"schedule": "0 0 3 * * *"})),
    "a cron job by a word": case("", cluster(kind="RayCronJob", outer={"schedule": "@daily"})),
    "the proxy first": case("RM075", cluster(head={"first": [PROXY]})),
    "the proxy last": case("", cluster(head={"beside": [PROXY]})),
    "wrapped by another operator": case("", yaml.safe_dump(APP_WRAPPER)),
    "the first version of the API": case("", CLEAN.replace("ray.io/v1", "ray.io/v1alpha1")),
    "Ray's own TLS": case("RM031", cluster(head=environment(RAY_USE_TLS="1"))),
    "KubeRay's own NetworkPolicy": case("RM095", cluster(spec={"networkPolicy": {"mode": "DenyAll"}})),
}
