"""What the tables of hostile inputs are made of: the right cluster with pieces over it, and what is to be found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from raymesh.manifests.patching import parse, patched
from raymesh.manifests.relating import Options
from tests.unit.lint.examples import CLEAN, DEFAULTS

Piece = Mapping[str, Any]
GCS, DASHBOARD = {"containerPort": 6379, "name": "gcs-server"}, {"containerPort": 8265, "name": "dashboard"}


@dataclass(frozen=True)
class Case:
    """Texts that are judged together, by their paths, and exactly the rules that find something."""

    rules: frozenset[str]
    texts: dict[str, str]
    options: Options = DEFAULTS


def case(rules: str, *texts: str, options: Options | None = None) -> Case:
    """Texts of one folder."""
    return Case(frozenset(rules.split()), {f"{i}.yaml": text for i, text in enumerate(texts)}, options or DEFAULTS)


def beside(rules: str, *texts: str, options: Options | None = None) -> Case:
    """Texts beside the right cluster."""
    return case(rules, CLEAN, *texts, options=options)


def files(rules: str, texts: dict[str, str]) -> Case:
    """Texts with paths of their own."""
    return Case(frozenset(rules.split()), texts)


def replaced(*pairs: tuple[str, str], text: str = CLEAN) -> str:
    """The right cluster with pieces of its text replaced, once each."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def cluster(
    *,
    spec: Piece | None = None,
    meta: Piece | None = None,
    head: Piece | None = None,
    worker: Piece | None = None,
    both: Piece | None = None,
    kind: str = "RayCluster",
    outer: Piece | None = None,
) -> str:
    """The right cluster and its Service, with pieces laid over its parts.

    Of a group, `params`, `pod` (the pod's spec), `ray` (Ray's container), `labels`, `annotations`, `beside` (further
    containers) and `first` (containers before Ray's) are laid over what they name; other keys over the group itself.
    Another kind has the cluster in it, with `outer` over its own spec, and a Service that selects by `app`.
    """
    service, made = parse(CLEAN)
    inner = made["spec"]
    inner["headGroupSpec"] = group(group(inner["headGroupSpec"], both), head)
    inner["workerGroupSpecs"] = [group(group(one, both), worker) for one in inner["workerGroupSpecs"]]
    made = patched(made, {"metadata": dict(meta or {}), "spec": dict(spec or {})})
    if kind != "RayCluster":
        service["spec"]["selector"] = {"app": "mine"}
        made = patched(made, {"kind": kind, "spec": {}}) | {"spec": within(kind, made["spec"], outer or {})}
    return yaml.dump_all([service, made], Dumper=yaml.CSafeDumper, sort_keys=False, width=10**6)


def within(kind: str, inner: Any, outer: Piece) -> dict[str, Any]:
    """The spec of an object that has a cluster in it."""
    if kind == "RayService":
        return {"serveConfigV2": "applications: []", **outer, "rayClusterConfig": inner}
    if kind == "RayCronJob":
        return {"schedule": "0 3 * * *", "jobTemplate": {"entrypoint": "x", "rayClusterSpec": inner}, **outer}
    return {"entrypoint": "x", **outer, "rayClusterSpec": inner}


def group(told: Any, piece: Piece | None) -> Any:
    """A group with a piece laid over it."""
    rest = dict(piece or {})
    template = told["template"]
    ray, *others = template["spec"]["containers"]
    containers = [*rest.pop("first", []), patched(ray, rest.pop("ray", {})), *others, *rest.pop("beside", [])]
    over = {
        "rayStartParams": rest.pop("params", {}),
        "template": {
            "metadata": {"labels": rest.pop("labels", {}), "annotations": rest.pop("annotations", {})},
            "spec": {"containers": containers, **rest.pop("pod", {})},
        },
        **rest,
    }
    return patched(told, over)


def ports(*listed: Piece) -> dict[str, Any]:
    """A piece of a group: ports of Ray's container."""
    return {"ray": {"ports": list(listed)}}


def environment(**variables: str) -> dict[str, Any]:
    """A piece of a group: variables of Ray's container."""
    return {"ray": {"env": [{"name": name, "value": value} for name, value in variables.items()]}}
