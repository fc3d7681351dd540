"""Builds the Go programs of the recipes: one `go build` a family, from modules only, outside the checkout."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from raymesh.errors import CommandError, EnvironmentFault
from raymesh.images.recipes import GoFamily
from raymesh.lane import Lane
from raymesh.machine import locks, trust
from raymesh.machine.programs import run
from raymesh.paths import cache_dir

GO_MINOR = 26  # the `go` line of images/*/*/go.mod
DOWNLOAD_SECONDS, BUILD_SECONDS = 1800, 5400
SILENCE_SECONDS = 180  # a large module over a slow line; nothing at all within it is no answer


def go_version() -> str:
    """Return e.g. "go1.26.8". Raises EnvironmentFault where Go is missing or too old."""
    cure = f"install Go 1.{GO_MINOR} or newer and put it on PATH"
    if not shutil.which("go"):
        raise EnvironmentFault("`go` is not on PATH: Go modules bring what is built, and KubeRay's manifests", cure)
    version, modules = run(["go", "env", "GOVERSION", "GOMODCACHE"], timeout=60, cwd=trust.cache()).stdout.splitlines()
    if Path(modules).exists():  # Go holds what it downloads to go.sum, and what lies there to nothing
        trust.check(Path(modules))
    match = re.match(r"go1\.(\d+)", version)
    if not match or int(match[1]) < GO_MINOR:
        raise EnvironmentFault(f"`go` is {version}, and the builds need 1.{GO_MINOR}", cure)
    return version


def family_key(family: GoFamily, lane: Lane, version: str) -> str:
    """Return the content key of a family: its sources, versions, flags and the compiler."""
    digest = hashlib.sha256()
    for path in sorted(family.folder.iterdir()):
        if path.suffix in (".mod", ".sum", ".go"):
            digest.update(path.name.encode() + path.read_bytes())
    digest.update(" ".join([version, *_flags(family, lane)]).encode())
    return digest.hexdigest()[:16]


def kept(family: GoFamily, lane: Lane, version: str) -> Path:
    """Return the folder that a family's programs are kept in once they are built, with the compiler's `version`."""
    return cache_dir() / "bin" / f"{family.name}-{family_key(family, lane, version)}"


def binaries(family: GoFamily, lane: Lane, logs: Path) -> Path:
    """Return the folder with the family's programs, building them where that is still to do.

    Raises EnvironmentFault where the module proxy does not answer, CommandError where the build fails.
    """
    version = go_version()
    folder = trust.folder(trust.cache() / "bin")
    done = kept(family, lane, version)
    with locks.exclusive(
        folder / f"{family.name}.lock", what=f"the Go programs of {family.name}", within=BUILD_SECONDS
    ):
        if not done.exists():
            _build(family, lane, done, logs / f"go-{family.name}.log")
        trust.check_tree(done)
    return done


def _build(family: GoFamily, lane: Lane, done: Path, log: Path) -> None:
    part = done.with_suffix(".part")  # renamed when whole
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _download(family, log)
    run(
        ["go", "build", "-o", f"{part}/", *_flags(family, lane), family.package],
        timeout=BUILD_SECONDS,
        cwd=family.folder,
        env=_environment(),
        log=log,
    )
    part.rename(done)


def module_folder(family: GoFamily, module: str, logs: Path) -> Path:
    """Return where the module cache holds a dependency of the family.

    Raises EnvironmentFault where Go is missing or the module proxy does not answer.
    """
    go_version()
    folder = _listed(family, module)
    if not folder:
        _download(family, logs / f"go-{family.name}.log", module)
        folder = _listed(family, module)
    return Path(folder)


def _listed(family: GoFamily, module: str) -> str:
    asked = ["go", "list", "-m", "-f", "{{.Dir}}", module]
    return run(asked, timeout=120, cwd=family.folder, env=_environment()).stdout.strip()


def _download(family: GoFamily, log: Path, *modules: str) -> None:
    """Fetch modules, or all of the family's. -x: a line for each request, as go itself waits for an answer forever."""
    try:
        run(
            ["go", "mod", "download", "-x", *modules],
            timeout=DOWNLOAD_SECONDS,
            silence=SILENCE_SECONDS,
            cwd=family.folder,
            env=_environment(),
            log=log,
        )
    except CommandError as error:
        raise EnvironmentFault(
            f"can't fetch the Go modules of {family.name}\n{error}",
            "check `go env GOPROXY` and the network, then run again: what is done is kept",
        ) from error


def _flags(family: GoFamily, lane: Lane) -> list[str]:
    stamps = [f"-X {symbol}={value}" for symbol, value in family.stamps(lane).items()]
    tags = ["-tags", family.tags] if family.tags else []
    return ["-trimpath", "-buildvcs=false", *tags, "-ldflags", " ".join(["-s", "-w", *stamps])]


def _environment() -> dict[str, str]:
    """Return what makes a build the same everywhere: no cgo, no VCS, go.mod as it is, a cache of our own."""
    return {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
        "GOVCS": "*:off",  # modules come from the proxy or not at all
        "GOCACHE": str(cache_dir() / "go-build"),
    }
