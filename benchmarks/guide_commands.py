"""How long the guide's own commands take one after the other, and how long `pytest -m e2e` takes, in one run.

    python benchmarks/guide_commands.py [--lane seed]

Both on the same engine, with the same images, which are there before the clock starts; each makes its cluster and
removes it. The guide's side is what a person types: kind, istioctl, the addons, the operator, the RayCluster, the 5000
tasks; looking at two dashboards is not counted. Prints seconds a step, and the ratio.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable

from raymesh import deadlines
from raymesh.images.source import Served, serve
from raymesh.machine.engine import Engine, engine
from raymesh.mesh import addons, deployed, dns, guide, istio, kuberay
from raymesh.platform import kind
from raymesh.platform.kube import Kube
from raymesh.ports import parse_version
from raymesh.progress import Progress
from raymesh.settings import load_settings
from raymesh.subject import head_of, placing
from raymesh.subject.wanted import Around, wanted_of
from raymesh.traffic import GUIDE_ONE_LINER, Traffic
from raymesh.witness.pods import parse_pods

NAME = "raymesh-guide"


def typed(served: Served, found: Engine) -> dict[str, float]:
    """Do what the guide says; return the seconds of each step."""
    took: dict[str, float] = {}
    within = deadlines.INSTALL

    def step(name: str, do: Callable[[], object]) -> None:
        began = time.monotonic()
        do()
        took[name] = time.monotonic() - began
        print(f"  {name}: {took[name]:.1f} s", flush=True)

    began = time.monotonic()
    with kind.cluster(kind.spec_of(served, NAME), found, Progress(), keep=False) as (kube, _):
        took["create the cluster"] = time.monotonic() - began
        for name, do in _steps(served, kube, within).items():
            step(name, do)
        began = time.monotonic()
    took["delete the cluster"] = time.monotonic() - began
    return took


def _steps(served: Served, kube: Kube, within: float) -> dict[str, Callable[[], object]]:
    lane = served.lane
    around = Around(kuberay=parse_version(lane.kuberay), istio=lane.istio_minor)
    wanted, _ = placing.as_applied(
        wanted_of(guide.texts(lane)[0], around), served.as_written, served.by_role["ray"], lane.ray,
        images_of_ours=True, stock_proxy=served.stock_proxy,
    )  # fmt: skip
    subject = wanted.subject
    operator = istio.operator(lane, served.by_role, stock_proxy=served.stock_proxy)

    def mesh() -> None:
        dns.close_off(kube)
        istio.install(kube, served.istioctl, operator, within=within)
        if served.stock_proxy:
            istio.serve_stock_envoy(kube)
        istio.inject(kube, subject.namespace, {})

    def addons_up() -> None:
        kube.apply(addons.docs(served.as_written, stock_proxy=served.stock_proxy))
        addons.wait(kube, within=within)

    def kuberay_up() -> None:
        docs = kuberay.docs(kube.program, served.kuberay_module, served.by_role["kuberay-operator"])
        kuberay.install(kube, docs, within=within)

    def cluster_up() -> None:
        kube.apply([istio.peer_authentication(subject.namespace)])
        kube.apply(wanted.docs)
        deployed.wait(kube, subject, within=within)

    def tasks() -> None:
        head = head_of(subject.members(parse_pods(kube.pods_json(subject.namespace, subject.selector))))
        Traffic(kube, subject, head).run(GUIDE_ONE_LINER)

    return {
        "istioctl install": mesh,
        "Kiali, Jaeger, Prometheus": addons_up,
        "the operator": kuberay_up,
        "the RayCluster": cluster_up,
        "the 5000 tasks": tasks,
    }


def main() -> int:
    """Time both; 0 where both went well."""
    parser = argparse.ArgumentParser(description="The guide's commands against pytest -m e2e.")
    parser.add_argument("--lane", default="seed")
    lane = parser.parse_args().lane
    settings = load_settings({"lane": lane}.get)
    with engine(Progress(), keep=lambda: True) as found:
        served = serve(settings, found, Progress())
        print("the guide's commands:")
        took = typed(served, found)
        guides = sum(took.values())
        print(f"  all: {guides:.1f} s\npytest -m e2e:")
        began = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-m", "e2e", "--lane", lane, "tests/e2e"], check=False, timeout=3600
        )
        ours = time.monotonic() - began
    print(f"  all: {ours:.1f} s")
    print(f"ratio to the guide's commands: {ours / guides:.2f}, to its tasks: {ours / took['the 5000 tasks']:.2f}")
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
