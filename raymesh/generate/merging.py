"""Writes a contract into a user's own manifest: comments, order and layout stay."""

from __future__ import annotations

import math
from dataclasses import replace

from raymesh.errors import UsageError
from raymesh.generate.manifests import Plan, as_yaml, check, service
from raymesh.lint.fixing import fix_texts
from raymesh.lint.rules.mesh import label_pods
from raymesh.manifests.collecting import collect
from raymesh.manifests.editing import quoted, word
from raymesh.manifests.objects import Cluster, Group, Objects
from raymesh.manifests.opened import LIST_FLAG, LOWEST_FLAG, set_param
from raymesh.manifests.places import Edit, Unread
from raymesh.manifests.reading import parse
from raymesh.manifests.relating import ADDRESS, Options, fqdn_of, make_world
from raymesh.manifests.tree import ShapeError
from raymesh.ports.address import node_address
from raymesh.ports.facts import RAY_WORKER_PORTS

FILE = "manifest"
_MOST_EDITS = 1000


def merge(text: str, plan: Plan, name: str | None = None) -> str:
    """The text with the plan's ports in its cluster, and its headless Service behind it or in place.

    Args:
        text: a file with one RayCluster, RayJob or RayService, or several if `name` says which.
        plan: what the ports shall be; its name and namespace give way to those of the manifest.
        name: the cluster, where there are several.

    Raises:
        UsageError: no such cluster, a text that can't be read, or one whose form can't be edited.

    """
    for _ in range(_MOST_EDITS):
        found = _find(text, name)
        cpus = max([plan.cpus, *(math.ceil(g.cpu) for g in found.groups if g.cpu)])
        plan = replace(plan, name=found.label, namespace=found.namespace or plan.namespace, cpus=cpus)
        check(plan)
        edit = _next_edit(found, plan)
        if edit is None:
            break
        text = text[: edit.start] + edit.text + text[edit.end :]
    return _with_service(text, found, plan)


def _find(text: str, name: str | None) -> Cluster:
    objects = _read(text)
    clusters = [c for c in objects.clusters if name is None or c.name.text == name]
    if len(clusters) != 1:
        names = ", ".join(c.name.text for c in objects.clusters) or "none"
        raise UsageError(f"clusters in the file: {names}; --name says which one to change")
    return clusters[0]


def _read(text: str) -> Objects:
    objects = Objects()
    for item in parse(FILE, text):
        if isinstance(item, Unread):
            raise UsageError(f"{item.place}: {item.message}")
        try:
            collect(item, objects)
        except ShapeError as error:
            raise UsageError(f"{item.place(error.node)}: {error}") from error
    return objects


def _next_edit(cluster: Cluster, plan: Plan) -> Edit | None:
    """The first thing that is not yet as planned."""
    for group in cluster.groups:
        for flag, value in _params(cluster, group, plan).items():
            told = group.params.get(flag)
            if told is None or told.text != value:
                return _one(group, flag, set_param(group, flag, quoted(value) if value.isdecimal() else word(value)))
        if LIST_FLAG in group.params:
            raise UsageError(f"group {group.name} has {LIST_FLAG}: take it out, the contract names a range")
        if "app" not in group.labels:
            return _one(group, "the label app", label_pods(cluster, group))
    return None


def _params(cluster: Cluster, group: Group, plan: Plan) -> dict[str, str]:
    params = plan.contract.ray_start_params(group.role)
    if LOWEST_FLAG in group.params and LOWEST_FLAG not in params:
        params[LOWEST_FLAG] = str(RAY_WORKER_PORTS[0])
    told = group.params.get(ADDRESS)
    if told is None or fqdn_of(told) != (plan.service, plan.namespace):
        params[ADDRESS] = node_address(plan.service, plan.namespace)
    if cluster.ray_version is not None and cluster.version not in (None, plan.contract.ray_version):
        raise UsageError(f"the manifest is for Ray {cluster.version}, not {plan.contract.ray_version}")
    return params


def _one(group: Group, what: str, edits: tuple[Edit, ...]) -> Edit:
    if not edits:
        raise UsageError(
            f"{what} of group {group.name} stands in a form that can't be edited: write it out, one a line"
        )
    return edits[0]


def _with_service(text: str, cluster: Cluster, plan: Plan) -> str:
    own = make_world(_read(text), Options(mesh=True))
    case = next(c for c in own.cases if c.cluster.name.text == cluster.name.text)
    if case.services:
        return fix_texts({FILE: text}).sources[FILE]
    selector = None if cluster.name_is_known else {"app": cluster.groups[0].labels["app"].text}
    break_line = "" if text.endswith("\n") else "\n"
    return f"{text}{break_line}---\n{as_yaml(service(plan, selector))}"
