"""Which images serve a run: published ones or ones made here, some given instead, and what follows from that."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from raymesh.errors import EnvironmentFault
from raymesh.images import given, istioctl, registry
from raymesh.images.given import DIGITS, Load
from raymesh.images.names import architecture, parse
from raymesh.images.pruning import note_pulled
from raymesh.images.recipes import REPOSITORY, load_recipes
from raymesh.images.remote import Manifest, Registries
from raymesh.images.workshop import LABEL, NODE, Workshop
from raymesh.lane import Lane
from raymesh.machine.disk import demand
from raymesh.machine.engine import Engine
from raymesh.progress import Progress
from raymesh.settings import Settings

KUBERAY_MODULE = "github.com/ray-project/kuberay/ray-operator"
SIDECAR = "sidecar"
OF_THE_NODE = ("etcd", "coredns")  # images that a node made here holds, whose tags kubeadm has to be told


@dataclass(frozen=True)
class Served:
    """The images of a run. `lane` holds what really serves; `by_role` and `as_written` lead to image names.

    `stock_proxy`: the sidecar is stock Envoy, and not Istio's own build of it. `own_node`: the node image was made by
    raymesh, here or elsewhere. `closed`: nodes have just the images that were brought to them. `digests` are of what
    was pulled or given, by role; `given` says of each image that is not the lane's where it is from; `loads` are still
    to be brought to the nodes.
    """

    source: Literal["pull", "build"]
    lane: Lane
    by_role: Mapping[str, str]
    istioctl: Path
    kuberay_module: Path
    key: str = ""  # of the content of all images
    stock_proxy: bool = False
    own_node: bool = False
    closed: bool = False
    mirror: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    loads: tuple[Load, ...] = ()

    @property
    def proxy(self) -> str:
        """Return what to call the sidecar in a report."""
        if SIDECAR in self.given:
            return f"{'stock Envoy' if self.stock_proxy else 'istio-proxy'} of {self.given[SIDECAR]}"
        return f"stock Envoy {self.lane.envoy}" if self.stock_proxy else f"istio-proxy {self.lane.istio}"

    @property
    def headline(self) -> str:
        """Return in a line what served a run; what is given and what stands in for the lane's is named as such."""
        lane = self.lane
        names = ("kubernetes", "istio", "kuberay", "ray", "kiali", "jaeger", "prometheus")
        versions = [
            f"{name} {getattr(lane, name)}" + (f" (for {lane.replaced[name]})" if name in lane.replaced else "")
            for name in names
        ]
        instead = "".join(f"{role}={source}, " for role, source in self.given.items())
        images = self.source + (f" from {self.mirror}" if self.mirror else "")
        return f"{instead}lane {lane.name}: {', '.join(versions)}; images: {images}; proxy: {self.proxy}"

    @property
    def as_written(self) -> dict[str, str]:
        """Return image as the manifests name it -> image that serves."""
        return {written: self.by_role[role] for role, written in registry.written().items()}


def serve(settings: Settings, engine: Engine, progress: Progress) -> Served:
    """Choose the source, make or fetch what is missing and return what serves.

    Raises EnvironmentFault where the chosen source can't serve here, CommandError where a build fails.
    """
    machine = engine.architecture or architecture()
    registries = Registries(settings.registry.partition("/")[0], settings.registry_ca, machine)
    instead = {program: given.find(program, ref, engine, registries) for program, ref in settings.images.items()}
    manifests = pullable(settings, registries, progress)
    found = (
        _pull(settings, engine, registries, manifests, progress) if manifests else _build(settings, engine, progress)
    )
    return _with_given(found, instead, engine, progress)


def _build(settings: Settings, engine: Engine, progress: Progress) -> Served:
    lane = settings.lane.as_built()
    workshop = Workshop.open(lane, engine, progress)
    images = workshop.make()
    program, kuberay = workshop.program("istio", "istioctl"), workshop.module("kuberay", KUBERAY_MODULE)
    return Served("build", lane, images, program, kuberay, workshop.key(), stock_proxy=True, own_node=True, closed=True)


def pullable(settings: Settings, registries: Registries, progress: Progress) -> dict[str, Manifest]:
    """Return what the published images are made of, by role; nothing where images are made here.

    Raises EnvironmentFault where they have to be pulled and a registry does not give one of them.
    """
    if settings.image_source == "build":
        return {}
    with progress.phase("ask the container registries"):
        images = registry.published(settings.lane, settings.registry, registries.machine)
        for role in settings.images:
            del images[role]
        found, errors = registries.manifests(images)
    if not errors:
        return found
    if settings.image_source == "pull" or settings.registry:
        causes = dict.fromkeys(error.cause for error in errors.values())
        cures = dict.fromkeys(error.cure for error in errors.values())
        cure = "; ".join([*cures, "or --image-source build"])
        raise EnvironmentFault(f"images can't be pulled: {'; '.join(causes)}", cure)
    hosts = sorted({parse(image).host for image in errors})
    progress.say(f"images are made here, not pulled: no image of the lane from {' nor from '.join(hosts)}")
    return {}


def _pull(
    settings: Settings, engine: Engine, registries: Registries, manifests: Mapping[str, Manifest], progress: Progress
) -> Served:
    """Fetch what is pulled: the node's image for the engine, istioctl for this machine, the others for the nodes."""
    lane = settings.lane
    workshop = Workshop.open(lane, engine, progress)
    loads: dict[str, Load] = {}
    for role, manifest in manifests.items():
        remote, name = registries.of(manifest.reference), manifest.reference.tagged
        if role == NODE:  # by a name of its own: whatever else of that tag the engine has stays
            name = f"{REPOSITORY}/pulled-{NODE}:{manifest.digest.removeprefix('sha256:')[:DIGITS]}"
        if role != istioctl.ROLE:
            loads[role] = given.pulled(remote, manifest, name)
    note_pulled(lane, loads[NODE].name if NODE in loads else "none", list(manifests.values()))
    program = istioctl.of_lane(lane, registries, manifests[istioctl.ROLE], progress)
    demand(_gib(manifests, registries), f"the images of lane {lane.name}, pulled")
    own_node = False
    if NODE in loads:
        _to_engine(loads[NODE], engine, progress)
        own_node = LABEL in loads[NODE].labels
    digests = {role: manifest.digest for role, manifest in manifests.items()}
    return Served(
        source="pull",
        lane=lane,
        by_role={**(_inside(lane) if own_node else {}), **{role: load.name for role, load in loads.items()}},
        istioctl=program,
        kuberay_module=workshop.module("kuberay", KUBERAY_MODULE),
        key=_key(digests),
        stock_proxy=SIDECAR in loads and LABEL in loads[SIDECAR].labels,
        own_node=own_node,
        closed=bool(settings.registry) or engine.kind == "private",
        mirror=settings.registry,
        digests=digests,
        loads=tuple(load for role, load in loads.items() if role != NODE),
    )


def _with_given(found: Served, instead: Mapping[str, Load], engine: Engine, progress: Progress) -> Served:
    """Return what serves where these images take the place of the lane's."""
    if not instead:
        return found
    own_node, stock, loads = found.own_node, found.stock_proxy, list(found.loads)
    if NODE in instead:
        _to_engine(instead[NODE], engine, progress)
        own_node = LABEL in instead[NODE].labels
        if found.source == "build":  # the node that was made here had all of them in it
            pods = sorted(registry.published(found.lane).keys() - {NODE, istioctl.ROLE})
            loads += [given.of_engine(engine, found.by_role[role]) for role in pods]
    if SIDECAR in instead:
        stock = LABEL in instead[SIDECAR].labels
    names = {role: load.name for role, load in instead.items()}
    digests = {role: load.digest for role, load in instead.items()}
    replaced = {found.by_role.get(role) for role in instead}
    return replace(
        found,
        by_role={**(_inside(found.lane) if own_node else {}), **found.by_role, **names},
        key=_key({"": found.key, **digests}),
        stock_proxy=stock,
        own_node=own_node,
        digests={**found.digests, **digests},
        given={role: f"{load.source} ({load.digest})" for role, load in instead.items()},
        loads=(
            *(load for load in loads if load.name not in replaced),
            *(load for role, load in instead.items() if role != NODE),
        ),
    )


def _gib(manifests: Mapping[str, Manifest], registries: Registries) -> float:
    """Return the GiB of disk for images that are fetched, packed one by one, and unpacked where they run."""
    found = manifests.values()
    missing = sum(registries.of(one.reference).missing(one) for one in found)
    return (missing + max(one.size for one in found) + sum(one.unpacked for one in found)) / 2**30


def _inside(lane: Lane) -> dict[str, str]:
    """Return the images that a node made by raymesh holds for kubeadm."""
    return {role: load_recipes(lane).images[role].reference(lane) for role in OF_THE_NODE}


def _to_engine(load: Load, engine: Engine, progress: Progress) -> None:
    """Let the engine have an image, unless it does."""
    if engine.docker("image", "inspect", load.name, check=False).code:
        with progress.phase(f"fetch the node image {load.source}"):
            load.to_engine(engine)


def _key(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(
        "\n".join(f"{role} {digest}" for role, digest in sorted(digests.items())).encode()
    ).hexdigest()
