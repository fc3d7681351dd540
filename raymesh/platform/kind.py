"""The kind cluster, through pytest-kind's KindCluster: made, found again, repaired or removed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from pytest_kind.cluster import KindCluster

from raymesh.errors import CommandError, EnvironmentFault, RaymeshError
from raymesh.images.recipes import REPOSITORY
from raymesh.images.source import Served
from raymesh.images.workshop import NODE
from raymesh.machine import ownership
from raymesh.machine.engine import Engine
from raymesh.machine.programs import run
from raymesh.machine.toolbox import toolbox
from raymesh.manifests.patching import Doc, load
from raymesh.paths import ROOT, cache_dir
from raymesh.platform.kube import Kube
from raymesh.progress import Progress
from raymesh.waiting import wait_for

OWNER_MOUNT = "/raymesh"  # an empty folder mounted into our nodes: by it a cluster is known as ours, running or not
WHOLE = "/kind/raymesh-whole"  # in the node: a cluster without it was killed while it was made
FIRST_PORT, PORTS = 20000, 20000


@dataclass(frozen=True)
class Spec:
    """What a cluster is to be: name, node image, kubeadm's ClusterConfiguration where images are ours, and setup.

    `setup` is a digest of what is installed in it: with another one it is another cluster.
    """

    name: str
    node_image: str
    kubeadm: Doc | None
    setup: str

    @property
    def identity(self) -> str:
        """Return a word that differs for clusters that may not be taken for each other."""
        return f"{zlib.crc32(repr(self).encode()):08x}"


def spec_of(served: Served, name: str) -> Spec:
    """Return the cluster that runs these images. A kept one is reused only while what installs it is the same."""
    if served.source == "pull":
        return Spec(name, served.by_role[NODE], None, _installed_by(served.key))
    tag = {role: served.by_role[role].rsplit(":", 1)[1] for role in ("etcd", "coredns")}
    kubeadm = {
        "imageRepository": REPOSITORY,
        "etcd": {"local": {"imageTag": tag["etcd"]}},
        "dns": {"imageTag": tag["coredns"]},
    }
    return Spec(name, served.by_role[NODE], kubeadm, _installed_by(served.key))


def _installed_by(images: str) -> str:
    """Return a digest of what decides how a cluster is set up: images, manifests, and the code that patches them."""
    digest = hashlib.sha256(images.encode())
    for path in sorted([*(ROOT / "manifests").rglob("*.yaml"), *(ROOT / "raymesh" / "mesh").glob("*.py")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


class _Cluster(KindCluster):  # type: ignore[misc]  # pytest-kind has no types
    """KindCluster with programs of ours: its constructor makes a folder in the working directory, for downloads."""

    def __init__(self, name: str, kubeconfig: Path, image: str, kind: Path, kubectl: Path) -> None:
        self.name, self.kubeconfig_path, self.image = name, kubeconfig, image
        self.kind_path, self.kubectl_path = kind, kubectl


@contextlib.contextmanager
def cluster(spec: Spec, engine: Engine, progress: Progress, *, keep: bool) -> Iterator[tuple[Kube, bool]]:
    """Yield a cluster and whether it was found (kept by an earlier run) instead of made.

    Only who keeps a cluster gets a kept one; it is removed in the end unless `keep`. Raises EnvironmentFault where a
    cluster of that name is not ours.
    """
    kind, kubectl = _program("kind", progress), _program("kubectl", progress)
    kubeconfig = cache_dir() / "clusters" / f"{spec.name}.kubeconfig"
    kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    made = _Cluster(spec.name, kubeconfig, spec.node_image, kind, kubectl)
    kube = Kube(kubeconfig, kubectl)
    with _environment(engine):
        found = keep and _exists(spec.name, engine) and _usable(spec, engine, kind, kube)
        if not found:
            remove(spec.name, engine, progress)
        try:
            if not found:
                with progress.phase("create the kind cluster"):
                    _create(made, _config(spec, engine))
                    _leak_guard(spec.name, engine)
                    engine.docker("exec", _node(spec.name), "touch", WHOLE)
            yield kube, found
        finally:
            if not keep:
                with progress.phase("delete the kind cluster"):
                    remove(spec.name, engine, progress)


def _create(made: _Cluster, config: Path) -> None:
    try:
        made.create(config)
    except subprocess.CalledProcessError as error:
        raise CommandError(f"kind can't create the cluster, exit code {error.returncode}; it says why below") from None


def remove(name: str, engine: Engine, progress: Progress) -> None:
    """Remove a cluster of ours, half-made or killed ones too. Raises EnvironmentFault where it is not ours."""
    if not _exists(name, engine):
        return
    if not _identity(name, engine):
        raise EnvironmentFault(
            f"there is a kind cluster {name!r} that raymesh did not make",
            "choose another name with --cluster-name, or delete that cluster yourself",
        )
    with _environment(engine):
        run([_program("kind", progress), "delete", "cluster", "--name", name], timeout=120)
    (cache_dir() / "clusters" / f"{name}.kubeconfig").unlink(missing_ok=True)


def ours(engine: Engine) -> list[str]:
    """Return the names of the clusters that raymesh made in this engine."""
    nodes = engine.docker(
        *("ps", "--all", "--filter", "label=io.x-k8s.kind.cluster"),
        *("--format", '{{.Label "io.x-k8s.kind.cluster"}}'),
    ).stdout.split()
    return sorted(name for name in set(nodes) if _identity(name, engine))


def _exists(name: str, engine: Engine) -> bool:
    return engine.docker("container", "inspect", _node(name), check=False).code == 0


def _node(name: str) -> str:
    return f"{name}-control-plane"


def _identity(name: str, engine: Engine) -> str | None:
    """Return the identity that its owner mount carries, or None where the cluster is not ours."""
    mounts = engine.docker(
        "container", "inspect", "--format", "{{range .Mounts}}{{println .Destination}}{{end}}", _node(name)
    ).stdout.split()
    marks = [mount.removeprefix(f"{OWNER_MOUNT}/") for mount in mounts if mount.startswith(f"{OWNER_MOUNT}/")]
    return marks[0] if marks else None


def _usable(spec: Spec, engine: Engine, kind: Path, kube: Kube) -> bool:
    """Tell whether a kept cluster is the one that is wanted, and answers; its kubeconfig is written anew."""
    whole = engine.docker("exec", _node(spec.name), "test", "-f", WHOLE, check=False).code == 0
    if not whole or _identity(spec.name, engine) != spec.identity:
        return False
    try:
        exported = run([kind, "get", "kubeconfig", "--name", spec.name], timeout=60).stdout
        kube.kubeconfig.write_text(exported)
        kube.kubeconfig.chmod(0o600)
        wait_for(
            f"the API server of the kept cluster {spec.name} answers",
            lambda: kube.kubectl("get", "--raw", "/readyz", check=False, timeout=10).stdout,
            until=lambda text: text == "ok",
            within=20,
        )
    except RaymeshError:
        return False
    return True


def _config(spec: Spec, engine: Engine) -> Path:
    """Write kind's configuration: the file in manifests/, and what this engine and these images need."""
    [doc] = load("kind/cluster.yaml")
    owner = cache_dir() / "clusters" / "owner"
    owner.mkdir(parents=True, exist_ok=True)
    mount = {"hostPath": str(owner), "containerPath": f"{OWNER_MOUNT}/{spec.identity}", "readOnly": True}
    doc["nodes"][0]["extraMounts"] = [mount]
    networking: Doc = {}
    if engine.kind == "private":  # kind looks for a free port where it runs, and that is not where the engine lives
        networking |= {"apiServerAddress": engine.address, "apiServerPort": _port(spec.name)}
    if spec.kubeadm:
        networking["disableDefaultCNI"] = True  # the node image has its own
        doc["kubeadmConfigPatches"] = [yaml.safe_dump({"kind": "ClusterConfiguration", **spec.kubeadm})]
    if networking:
        doc["networking"] = networking
    path = cache_dir() / "clusters" / f"{spec.name}.yaml"
    path.write_text(yaml.safe_dump(doc, sort_keys=False))
    return path


def _port(name: str) -> int:
    return FIRST_PORT + zlib.crc32(name.encode()) % PORTS


def _leak_guard(name: str, engine: Engine) -> None:
    """Reject what pods would send out of the cluster: only the node's own programs may pull images.

    The rules live in the node's network namespace and go with it.
    """
    for family in ("iptables", "ip6tables"):
        engine.docker(
            *("exec", _node(name), family, "--wait", "--insert", "FORWARD", "1", "--out-interface", "eth0"),
            *("--match", "comment", "--comment", "raymesh leak guard", "--jump", "REJECT"),
        )


def _program(name: str, progress: Progress) -> Path:
    """Return kind or kubectl: the unpacked one on Debian, else the one on PATH."""
    try:
        return toolbox("cluster", progress).program(name)
    except EnvironmentFault:
        found = shutil.which(name)
        if not found:
            raise
        return Path(found)


@contextlib.contextmanager
def _environment(engine: Engine) -> Iterator[None]:
    """Let kind, which KindCluster starts without an environment of its own, find the engine and carry our mark."""
    names = ("DOCKER_HOST", "DOCKER_CONFIG", "PATH")
    given = {name: engine.environment[name] for name in names if name in engine.environment} | ownership.mark()
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
