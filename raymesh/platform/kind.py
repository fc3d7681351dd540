"""The kind cluster, through pytest-kind's KindCluster: made, found again, repaired or removed."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from raymesh.by_version import must_allow_cgroup_v1
from raymesh.errors import CommandError, EnvironmentFault, RaymeshError
from raymesh.images.given import Load
from raymesh.images.recipes import REPOSITORY
from raymesh.images.source import Served
from raymesh.images.workshop import NODE
from raymesh.machine import locks, trust
from raymesh.machine.engine import Engine
from raymesh.machine.programs import run
from raymesh.machine.toolbox import toolbox
from raymesh.manifests.patching import Doc, load
from raymesh.paths import PACKAGE, ROOT, cache_dir
from raymesh.platform.kube import Kube
from raymesh.progress import Progress
from raymesh.waiting import wait_for

OWNER_MOUNT = "/raymesh"  # an empty folder mounted into our nodes: by it a cluster is known as ours, running or not
WHOLE = "/kind/raymesh-whole"  # in the node: a cluster without it was killed while it was made
CREATING = Path(__file__).with_name("creating.py")
# What decides how a cluster is set up: folders of manifests/, and modules of raymesh/mesh/.
INSTALLED = ("addons", "istio", "kind")
INSTALLERS = ("addons", "dns", "istio", "kuberay", "stock_envoy", "stock_labels")
POD_NETWORK = "10.244.0.0/16"  # kind's default; each node gets a /24 of it
CNI = "/etc/cni/net.d/10-ptp.conflist"  # in node images made here
NODE_ROWS = '{range .items[*]}{.metadata.name} {.spec.podCIDR} {.status.addresses[0].address}{"\\n"}{end}'
WIRE_SECONDS = 60.0
KEPT_SECONDS = 20.0
FIRST_PORT, PORTS = 20000, 20000
CREATE_SECONDS, DELETE_SECONDS, LOAD_SECONDS = 900, 120, 900


@dataclass(frozen=True)
class Spec:
    """What a cluster is to be: name, node image, what kubeadm is told where images are ours, setup, and nodes.

    `setup` is a digest of what is installed in it: with another one it is another cluster. With more than one of
    `nodes` the first runs the control plane alone.
    """

    name: str
    node_image: str
    kubeadm: tuple[Doc, ...]
    setup: str
    nodes: int = 1

    @property
    def node_names(self) -> list[str]:
        """The names that kind gives its nodes: the control plane, worker, worker2 and so on."""
        workers = (f"{self.name}-worker{number if number > 1 else ''}" for number in range(1, self.nodes))
        return [_node(self.name), *workers]

    @property
    def identity(self) -> str:
        """Return a word that differs for clusters that may not be taken for each other."""
        return f"{zlib.crc32(repr(self).encode()):08x}"


def spec_of(served: Served, name: str, nodes: int = 1) -> Spec:
    """Return the cluster that runs these images. A kept one is reused only while what installs it is the same."""
    if not served.own_node:
        return Spec(name, served.by_role[NODE], (), _installed_by(served.key), nodes)
    tag = {role: served.by_role[role].rsplit(":", 1)[1] for role in ("etcd", "coredns")}
    cluster = {
        "kind": "ClusterConfiguration",
        "imageRepository": REPOSITORY,
        "etcd": {"local": {"imageTag": tag["etcd"]}},
        "dns": {"imageTag": tag["coredns"]},
    }
    kubelet = {"kind": "KubeletConfiguration", "failCgroupV1": False}
    kubeadm = (cluster, kubelet) if must_allow_cgroup_v1(served.lane.kubernetes) else (cluster,)
    return Spec(name, served.by_role[NODE], kubeadm, _installed_by(served.key), nodes)


def _installed_by(images: str) -> str:
    """Return a digest of what decides how a cluster is set up: images, manifests, and the code that patches them."""
    digest = hashlib.sha256(images.encode())
    files = [path for one in INSTALLED for path in (ROOT / "manifests" / one).rglob("*.yaml")]
    for path in sorted([*files, *(PACKAGE / "mesh" / f"{name}.py" for name in INSTALLERS)]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def lock(name: str) -> Path:
    """Return the lock file of a cluster name: who holds it may make, use and remove the cluster and its files."""
    return locks.of_machine(f"cluster-{name}")


@contextlib.contextmanager
def cluster(
    spec: Spec, engine: Engine, progress: Progress, *, keep: bool, loads: Sequence[Load] = ()
) -> Iterator[tuple[Kube, bool]]:
    """Yield a cluster, whose nodes have these images, and whether it was found (kept by an earlier run) or made.

    Its name is this run's alone meanwhile; a run that wants it, too, waits. Only who keeps a cluster gets a kept one;
    it is removed in the end unless `keep`. Raises EnvironmentFault where a cluster of that name is not ours.
    """
    with locks.exclusive(lock(spec.name), what=f"the cluster name {spec.name}", say=progress.say):
        kind, kubectl = _program("kind", progress), _program("kubectl", progress)
        kube = Kube(_kubeconfig(spec.name), kubectl)
        found = keep and _exists(spec.name, engine) and _usable(spec, engine, kind, kube)
        if not found:
            remove(spec.name, engine, progress)
        try:
            if not found:
                with progress.phase("create the kind cluster"):
                    _create(spec, engine, kind, kube)
                    if spec.nodes > 1 and spec.kubeadm:
                        _wire(engine, kube)
                    for node in spec.node_names:
                        _leak_guard(node, engine)
                for load in loads:
                    with progress.phase(f"bring {load.name} to the nodes"):
                        _load(load, spec.name, engine, kind)
                engine.docker("exec", _node(spec.name), "touch", WHOLE)
            yield kube, found
        finally:
            if not keep:
                with progress.phase("delete the kind cluster"):
                    remove(spec.name, engine, progress)


def kept(name: str, progress: Progress) -> Kube:
    """Return the cluster that a run left. Raises EnvironmentFault where there is none that answers."""
    kube = Kube(_kubeconfig(name), _program("kubectl", progress))
    try:
        if kube.kubeconfig is None or not kube.kubeconfig.exists():
            raise CommandError("no run has left one")
        kube.kubectl("get", "--raw", "/version", timeout=KEPT_SECONDS)
    except CommandError as error:
        last = str(error).strip().splitlines()[-1]
        cure = "make one with --keep-cluster yes, or name another cluster with --cluster-name or --context"
        raise EnvironmentFault(f"there is no kept cluster {name}: {last}", cure) from None
    return kube


def _create(spec: Spec, engine: Engine, kind: Path, kube: Kube) -> None:
    """Let pytest-kind's KindCluster make it. Raises CommandError with kind's last lines."""
    log = _folder() / f"{spec.name}.log"
    log.unlink(missing_ok=True)
    words: list[str | Path] = [
        spec.name,
        _kubeconfig(spec.name),
        spec.node_image,
        kind,
        kube.program,
        _config(spec, engine),
    ]
    with tempfile.TemporaryDirectory() as folder:  # for the folder that KindCluster makes where it runs
        run(
            [sys.executable, "-P", CREATING, *words],
            timeout=CREATE_SECONDS,
            env=_environment(engine),
            cwd=Path(folder),
            log=log,
        )


def _load(load: Load, name: str, engine: Engine, kind: Path) -> None:
    with load.file() as path:
        words: list[str | Path] = [kind, "load", "image-archive", path, "--name", name]
        run(words, timeout=LOAD_SECONDS, env=_environment(engine))


def remove(name: str, engine: Engine, progress: Progress) -> None:
    """Remove a cluster of ours, half-made or killed ones too. Whoever calls holds its `lock`.

    Raises EnvironmentFault where it is not ours.
    """
    if not _exists(name, engine):
        return
    maker, identity = _owner(name, engine)
    if not identity:
        raise EnvironmentFault(
            f"there is a kind cluster {name!r} that raymesh did not make",
            "choose another name with --cluster-name, or delete that cluster yourself",
        )
    if maker != _owner_folder():
        raise EnvironmentFault(
            f"the kind cluster {name!r} was made by a raymesh with another cache folder, {maker.parents[1]}",
            f"choose another name with --cluster-name, or run `XDG_CACHE_HOME={maker.parents[2]} raymesh clean`",
        )
    run(
        [_program("kind", progress), "delete", "cluster", "--name", name],
        timeout=DELETE_SECONDS,
        env=_environment(engine),
    )
    _kubeconfig(name).unlink(missing_ok=True)


def ours(engine: Engine) -> list[str]:
    """Return the names of the clusters that raymesh made in this engine, with this cache folder."""
    nodes = engine.docker(
        *("ps", "--all", "--filter", "label=io.x-k8s.kind.cluster"),
        *("--format", '{{.Label "io.x-k8s.kind.cluster"}}'),
    ).stdout.split()
    return sorted(name for name in set(nodes) if _owner(name, engine)[0] == _owner_folder())


def _exists(name: str, engine: Engine) -> bool:
    return engine.docker("container", "inspect", _node(name), check=False).code == 0


def _node(name: str) -> str:
    return f"{name}-control-plane"


def _folder() -> Path:
    """Return the folder for what belongs to clusters; their kubeconfigs are administrators' keys."""
    return trust.folder(cache_dir() / "clusters")


def _kubeconfig(name: str) -> Path:
    return _folder() / f"{name}.kubeconfig"


def _owner_folder() -> Path:
    return (cache_dir() / "clusters" / "owner").resolve()


def _owner(name: str, engine: Engine) -> tuple[Path, str]:
    """Return what a cluster's owner mount says: whose cache folder made it, and its identity; "" where it has none."""
    mounts = engine.docker(
        *("container", "inspect", "--format", "{{range .Mounts}}{{println .Destination .Source}}{{end}}", _node(name))
    ).stdout.splitlines()
    for mount in mounts:
        destination, _, source = mount.strip().partition(" ")
        if destination.startswith(f"{OWNER_MOUNT}/"):
            return Path(source), destination.removeprefix(f"{OWNER_MOUNT}/")
    return Path(), ""


def _usable(spec: Spec, engine: Engine, kind: Path, kube: Kube) -> bool:
    """Tell whether a kept cluster is the one that is wanted, and answers; its kubeconfig is written anew."""
    whole = engine.docker("exec", _node(spec.name), "test", "-f", WHOLE, check=False).code == 0
    if not whole or _owner(spec.name, engine) != (_owner_folder(), spec.identity):
        return False
    try:
        asked: list[str | Path] = [kind, "get", "kubeconfig", "--name", spec.name]
        exported = run(asked, timeout=60, env=_environment(engine)).stdout
        kubeconfig = _kubeconfig(spec.name)
        kubeconfig.unlink(missing_ok=True)
        kubeconfig.touch(0o600)
        kubeconfig.write_text(exported)
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
    _owner_folder().mkdir(exist_ok=True)
    doc["nodes"] += [{"role": "worker"} for _ in range(1, spec.nodes)]
    mount = {"hostPath": str(_owner_folder()), "containerPath": f"{OWNER_MOUNT}/{spec.identity}", "readOnly": True}
    doc["nodes"][0]["extraMounts"] = [mount]
    networking: Doc = {}
    if engine.kind == "private":  # kind looks for a free port where it runs, and that is not where the engine lives
        networking |= {"apiServerAddress": engine.address, "apiServerPort": _port(spec.name)}
    if spec.kubeadm:
        networking["disableDefaultCNI"] = True  # the node image has its own
        doc["kubeadmConfigPatches"] = [yaml.safe_dump(patch) for patch in spec.kubeadm]
    if networking:
        doc["networking"] = networking
    path = _folder() / f"{spec.name}.yaml"
    path.write_text(yaml.safe_dump(doc, sort_keys=False))
    return path


def _port(name: str) -> int:
    return FIRST_PORT + zlib.crc32(name.encode()) % PORTS


def _leak_guard(node: str, engine: Engine) -> None:
    """Reject what pods would send out of the cluster, and what would reach them through the node's own ports.

    Only the node's own programs may talk to the outside, to pull images, and pods of one node to those of another. The
    rules live in the node's network namespace and go with it.
    """

    def first(family: str, verb: str, *match: str) -> None:
        comment = ("--match", "comment", "--comment", "raymesh leak guard")
        engine.docker("exec", node, family, "--wait", "--insert", "FORWARD", "1", *match, *comment, "--jump", verb)

    for family in ("iptables", "ip6tables"):
        for direction in ("--out-interface", "--in-interface"):
            first(family, "REJECT", direction, "eth0")
    first("iptables", "ACCEPT", "--source", POD_NETWORK, "--destination", POD_NETWORK)


def _wire(engine: Engine, kube: Kube) -> None:
    """Give each node the part of the pods' network that Kubernetes chose for it, and the way to the others' parts.

    Node images made here have a CNI for one node; published ones bring kind's own.
    """
    rows = wait_for(
        "each node has its part of the pods' network",
        lambda: [
            line.split() for line in kube.kubectl("get", "nodes", "-o", f"jsonpath={NODE_ROWS}").stdout.splitlines()
        ],
        until=lambda rows: bool(rows) and all(len(row) == 3 for row in rows),  # noqa: PLR2004 - as NODE_ROWS has it
        within=WIRE_SECONDS,
    )
    for node, own, _ in rows:
        # Without masquerading: a pod is known to the pods of other nodes by its own address.
        script = f's#"subnet": "[^"]*"#"subnet": "{own}"#; s#"ipMasq": true#"ipMasq": false#'
        engine.docker("exec", node, "sed", "-i", script, CNI)
        for other, part, address in rows:
            if other != node:
                engine.docker("exec", node, "ip", "route", "replace", part, "via", address)
    # Whatever got an address before has one of a part that is another node's now.
    kube.kubectl("delete", "pods", "-l", "k8s-app=kube-dns", "-n", "kube-system", "--wait=false")


def _program(name: str, progress: Progress) -> Path:
    """Return kind or kubectl: the unpacked one on Debian, else the one on PATH."""
    try:
        return toolbox("cluster", progress).program(name)
    except EnvironmentFault:
        found = shutil.which(name)
        if not found:
            raise
        return Path(found)


def _environment(engine: Engine) -> dict[str, str]:
    """Return what lets kind find the engine."""
    names = ("DOCKER_HOST", "DOCKER_CONFIG", "PATH")
    return {name: engine.environment[name] for name in names if name in engine.environment}
