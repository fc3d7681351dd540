"""One frozen Settings per run: command line over environment over default."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from raymesh.errors import UsageError
from raymesh.images.bumping import bumped
from raymesh.images.choosing import chosen
from raymesh.images.names import checked_registry
from raymesh.lane import Lane, load_lane

ImageSource = Literal["auto", "pull", "build"]
IMAGE_SOURCES = ("auto", "pull", "build")
WITNESSES = ("kiali", "jaeger", "prometheus")
MODES = ("strict", "permissive")
MOST_NODES = 10
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
CLUSTER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Option:
    """One setting a user can give: `--NAME` to pytest, or RAYMESH_NAME in the environment."""

    name: str
    default: str
    metavar: str
    help: str
    switch: bool = False  # it is given without a value, which is "yes"
    repeated: bool = False  # it is given as often as one likes; the values are then one, with commas between

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def destination(self) -> str:
        return "raymesh_" + self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        return "RAYMESH_" + self.name.upper().replace("-", "_")


OPTIONS = (
    Option("lane", "seed", "NAME", "row of versions from manifests/lanes.yaml"),
    Option("set", "", "PROGRAM=VERSION", "a version other than the lane's, as often as you like", repeated=True),
    Option("image-source", "auto", "WORD", "auto, pull (published images) or build (made here from packages)"),
    Option("image", "", "PROGRAM=REF", "an image other than the lane's: a tar file, or a name", repeated=True),
    Option("registry", "", "HOST/PATH", "pull published images from this mirror of their registries"),
    Option("registry-ca", "", "FILE", "certificates by which that registry is checked"),
    Option("keep-cluster", "no", "yes|no", "leave the cluster running, and reuse one that was left"),
    Option("cluster-name", "raymesh", "NAME", "name of the kind cluster"),
    Option(
        "artifacts",
        "artifacts",
        "DIR",
        "folder for record.json, report.txt, junit.xml, raw answers, failure bundles",
    ),
    Option("timeout-factor", "1", "N", "multiply every deadline, for slow machines"),
    Option("nodes", "1", "N", "nodes of the kind cluster, one of which runs the control plane alone"),
    Option("subject", "", "PATH[,PATH]", "prove these manifests: files, folders, `-` for standard input"),
    Option("context", "", "NAME", "prove it on the cluster of this kubectl context, in which nothing is installed"),
    Option("namespace", "", "NAME", "with --context: make this namespace, and move the manifests into it"),
    Option("running", "", "NS/NAME", "with --context: look at a Ray cluster that runs, and change nothing"),
    Option("no-traffic", "no", "yes|no", "with --running: judge what flows by itself alone", switch=True),
    Option("without", "", "WITNESS[,WITNESS]", f"what this cluster does not have: {', '.join(WITNESSES)}"),
    Option("faults-allowed", "", "NAMESPACE", "with --subject or --context: where a few faults may be made"),
    Option("callers", "", "NS/ACCOUNT[,...]", "with --subject or --context: service accounts that may call it, too"),
    Option("expect", "strict", "WORD", "strict, or permissive: plaintext is let in on purpose, nothing called safe"),
    Option("wire", "no", "yes|no", "with --context: listen to packets, from pods on the nodes' network (CAP_NET_RAW)"),
    Option("sampling", "100", "PERCENT", "with --context: how many of the calls are traced"),
    *(Option(name, "", "URL", f"with --context: where {name} answers; else it is looked for") for name in WITNESSES),
    *(Option(f"{name}-token", "", "FILE", f"a bearer token for {name}") for name in WITNESSES),
    Option("witness-ca", "", "FILE", "certificates by which the servers of witnesses are checked"),
)


@dataclass(frozen=True)
class Settings:
    """All that a run may be told."""

    lane: Lane
    image_source: ImageSource
    keep_cluster: bool
    cluster_name: str
    artifacts: Path
    timeout_factor: float
    nodes: int = 1
    subject: tuple[str, ...] = ()
    context: str = ""
    namespace: str = ""
    running: tuple[str, str] | None = None  # namespace and name
    traffic: bool = True
    without: frozenset[str] = frozenset()
    faults_allowed: str = ""
    permissive: bool = False
    callers: tuple[tuple[str, str], ...] = ()  # namespace and service account
    wire: bool = True  # packets may be listened to
    sampling: float = 1.0  # share of the calls that are traced
    addresses: Mapping[str, str] = field(default_factory=dict)  # URL by witness, where it was given
    tokens: Mapping[str, Path] = field(default_factory=dict)
    witness_ca: Path | None = None
    images: Mapping[str, str] = field(default_factory=dict)  # a file or an image's name, by program
    registry: str = ""  # HOST/PATH of a mirror
    registry_ca: Path | None = None
    given: Mapping[str, str] = field(default_factory=dict, repr=False)  # each option's value, as it was given


def load_settings(given: Callable[[str], str | None], environ: Mapping[str, str] = os.environ) -> Settings:
    """Build Settings; `given(option name)` returns the command line's value or None.

    Raises UsageError that names the option, the bad value and what it takes.
    """
    value = {o.name: given(o.name) or environ.get(o.variable) or o.default for o in OPTIONS}
    source = _one_of("image-source", value["image-source"], IMAGE_SOURCES)
    keep = _yes("keep-cluster", value)
    if not CLUSTER_NAME.fullmatch(value["cluster-name"]):
        raise UsageError(
            f"--cluster-name {value['cluster-name']!r}: lower-case letters, digits and inner dashes, at most 40"
        )
    factor = _number("timeout-factor", value, 0.1, 100)
    nodes = _number("nodes", value, 1, MOST_NODES)
    if nodes != int(nodes):
        raise UsageError(f"--nodes {value['nodes']!r}: a whole number")
    _refuse_what_does_not_go_together(value)
    for name, why in OF_A_USERS_SUBJECT.items():
        if value[name] and not (value["subject"] or value["context"]):
            raise UsageError(f"--{name} goes with --subject or --context: {why}")
    mirror = checked_registry(value["registry"]) if value["registry"] else ""
    pulled = source == "pull" or bool(mirror)
    return Settings(
        lane=bumped(load_lane(value["lane"]), _list(value["set"]), pulled=pulled),
        image_source=source,  # type: ignore[arg-type]  # _one_of checked it against the same words
        keep_cluster=keep,
        cluster_name=value["cluster-name"],
        artifacts=Path(value["artifacts"]).absolute(),
        timeout_factor=factor,
        nodes=int(nodes),
        subject=_list(value["subject"]),
        context=value["context"],
        namespace=value["namespace"],
        running=_running(value["running"]),
        traffic=not _yes("no-traffic", value),
        without=frozenset(_one_of("without", word, WITNESSES) for word in _list(value["without"])),
        faults_allowed=value["faults-allowed"],
        callers=tuple(_pair("callers", one, "NAMESPACE/SERVICEACCOUNT") for one in _list(value["callers"])),
        permissive=_one_of("expect", value["expect"], MODES) == "permissive",
        wire=_yes("wire", value) or not value["context"],
        sampling=_number("sampling", value, 0.01, 100) / 100,
        addresses={name: value[name] for name in WITNESSES if value[name]},
        tokens={name: _file(f"{name}-token", value) for name in WITNESSES if value[f"{name}-token"]},
        witness_ca=_file("witness-ca", value) if value["witness-ca"] else None,
        images=chosen(_list(value["image"])),
        registry=mirror,
        registry_ca=_file("registry-ca", value) if value["registry-ca"] else None,
        given=value,
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for one in text.split(",") if (part := one.strip()))


def _yes(option: str, value: Mapping[str, str]) -> bool:
    word = _one_of(option, value[option].lower(), ("yes", "no", "true", "false", "1", "0"))
    return word in ("yes", "true", "1")


def _number(option: str, value: Mapping[str, str], least: float, most: float) -> float:
    try:
        number = float(value[option])
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise UsageError(f"--{option} {value[option]!r}: a number from {least:g} to {most:g}")
    return number


def _file(option: str, value: Mapping[str, str]) -> Path:
    path = Path(value[option]).absolute()
    if not path.is_file():
        raise UsageError(f"--{option} {value[option]}: no such file")
    return path


def _running(text: str) -> tuple[str, str] | None:
    return _pair("running", text, "NAMESPACE/NAME of a RayCluster, RayJob or RayService") if text else None


def _pair(option: str, text: str, takes: str) -> tuple[str, str]:
    parts = text.split("/")
    if len(parts) != 2 or not all(NAME.fullmatch(part) for part in parts):  # noqa: PLR2004 - namespace and name
        raise UsageError(f"--{option} {text!r}: {takes}")
    return parts[0], parts[1]


ON_A_BORROWED_CLUSTER: tuple[str, ...] = (
    *("namespace", "running", "sampling", "without", "wire", "witness-ca"),
    *WITNESSES,
    *(f"{name}-token" for name in WITNESSES),
)
ON_A_CLUSTER_MADE_HERE = (
    *("set", "image", "registry", "registry-ca", "image-source"),
    *("keep-cluster", "cluster-name", "nodes"),
)


OF_A_USERS_SUBJECT = {
    "faults-allowed": "what raymesh makes is broken anyway",
    "callers": "nobody else calls what raymesh makes",
}


def _refuse_what_does_not_go_together(value: Mapping[str, str]) -> None:
    """Raise UsageError where an option would silently do nothing."""
    default = {option.name: option.default for option in OPTIONS}

    def first_of(names: tuple[str, ...]) -> str:
        return next((name for name in names if value[name] != default[name]), "")

    if not value["context"] and (alone := first_of(ON_A_BORROWED_CLUSTER)):
        raise UsageError(f"--{alone} goes with --context: a cluster made here has what raymesh puts there")
    if value["context"] and (idle := first_of(ON_A_CLUSTER_MADE_HERE)):
        raise UsageError(f"--{idle} is for a cluster made here, and --context names one that is there")
    if value["registry"] and value["image-source"] == "build":
        raise UsageError("--registry is where images are pulled from, and --image-source build makes them here")
    if value["registry-ca"] and not value["registry"]:
        raise UsageError("--registry-ca goes with --registry HOST/PATH, whose certificate it checks")
    if value["running"] and value["subject"]:
        raise UsageError("--running looks at what runs, --subject puts manifests there: one of them")
    if value["running"] and value["namespace"]:
        raise UsageError("--running NS/NAME says the namespace: leave --namespace away")
    if value["context"] and not value["running"] and not value["subject"]:
        raise UsageError("--context: say what is proven there: --subject PATH, or --running NS/NAME")
    if value["running"] and value["wire"] != default["wire"]:
        raise UsageError("--running changes nothing, and --wire takes pods that listen: one of them")
    if not value["running"] and value["no-traffic"] != default["no-traffic"]:
        raise UsageError("--no-traffic goes with --running: nothing else flows by itself")
    for name, what in (("namespace", "--namespace"), ("faults-allowed", "--faults-allowed")):
        if value[name] and not NAME.fullmatch(value[name]):
            raise UsageError(f"{what} {value[name]!r}: the name of a namespace")


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise UsageError(f"--{option} {value!r}: one of {', '.join(allowed)}")
    return value
