"""How fast the linter is: documents a second against the floor of parsing alone, and the start-up of the command.

Run: python benchmarks/lint_speed.py [DOCUMENTS]
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import yaml

from raymesh.generate.manifests import Plan, as_yaml, cluster, service
from raymesh.lint.run import lint_texts
from raymesh.ports import contract

ROUNDS = 5


def manifests(documents: int) -> str:
    """So many documents: half of them Services, half RayClusters that they belong to."""
    texts = []
    for i in range(documents // 2):
        plan = Plan(contract("2.60.0"), name=f"ray-{i}", namespace=f"team-{i % 7}")
        texts.append(as_yaml(service(plan), cluster(plan)))
    return "---\n".join(texts)


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """The median of some rounds, by default in CPU time: other work on the machine does not count."""
    taken = []
    for _ in range(ROUNDS):
        start = clock()
        work()
        taken.append(clock() - start)
    return median(taken)


def children() -> float:
    """CPU time of the processes that were started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def parse(text: str) -> int:
    """What every linter of YAML has to do: PyYAML on libyaml, to Python objects."""
    return sum(1 for _ in yaml.load_all(text, Loader=yaml.CSafeLoader))


def main() -> None:
    """Print the figures."""
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    text = manifests(documents)
    floor = seconds(lambda: parse(text))
    lint = seconds(lambda: lint_texts({"all.yaml": text}))
    print(f"{documents} documents, {len(text) / 1e6:.1f} MB")
    print(f"parsing alone  {documents / floor:8.0f} documents/s")
    print(f"linting        {documents / lint:8.0f} documents/s, {lint / floor:.2f} times the floor")
    command = [sys.executable, "-m", "raymesh.commands.main", "ports", "lint", "manifests/lanes.yaml"]
    # As an installed package runs: its modules were compiled before.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, env=environ, check=True, capture_output=True)
    start = seconds(lambda: subprocess.run(command, env=environ, check=True, capture_output=True), children)
    bare = seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), children)
    print(f"start-up       {start * 1000:.0f} ms, of which Python itself {bare * 1000:.0f} ms")


if __name__ == "__main__":
    main()
