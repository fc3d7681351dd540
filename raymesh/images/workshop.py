"""Image source `build`: makes every image here, from Debian packages, Go modules and Python wheels.

Everything is keyed by its content: what exists is never built twice, an interrupted build goes on where it stopped.
Go builds keep the cores busy while another thread fetches packages; images follow as soon as their parts are there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from raymesh.errors import CommandError, EnvironmentFault
from raymesh.images import gobuild
from raymesh.images.recipes import REPOSITORY, GoFamily, Recipe, Recipes, Root, fill, load_recipes
from raymesh.lane import Lane
from raymesh.machine import packages, trust
from raymesh.machine.disk import demand
from raymesh.machine.engine import Engine
from raymesh.machine.locks import exclusive
from raymesh.machine.programs import run
from raymesh.machine.toolbox import toolbox
from raymesh.paths import cache_dir, in_tree
from raymesh.progress import Progress
from raymesh.stopping import Threads

LABEL = "raymesh.key"
LOCK = "workshop.lock"  # in the cache folder: one run at a time builds images
NODE = "node"
NODE_KEY_CHARS = 12
TOOLS = "images"  # of images/tools.yaml
# GiB of disk for what is still to be made, measured: Go's build cache took 7 for seed's programs (18.8 minutes, as
# recipes.yaml counts them) and 3.4 for Istio's and KubeRay's (9.3). An image with its build cache takes 0.1 to 1, the
# node's is 2, and so is what goes into it; a node unpacks 3.1 of that.
GO_GIB_A_MINUTE, IMAGE_GIB, NODE_GIB, CLUSTER_GIB = 0.4, 0.4, 4.0, 3.2
STEP_SECONDS = 1800


@dataclass
class Workshop:
    """Makes the images of a lane in one engine."""

    lane: Lane
    engine: Engine
    progress: Progress
    recipes: Recipes
    logs: Path

    @classmethod
    def open(cls, lane: Lane, engine: Engine, progress: Progress) -> Workshop:
        logs = trust.folder(trust.cache() / "logs")
        return cls(lane, engine, progress, load_recipes(lane), logs)

    def references(self) -> dict[str, str]:
        """Return the lane's images: role -> name."""
        return {name: self._reference(recipe) for name, recipe in self.recipes.images.items()}

    def program(self, family: str, name: str) -> Path:
        """Return a Go program for use on this machine, such as istioctl, building its family if need be."""
        return gobuild.binaries(self.recipes.go[family], self.lane, self.logs) / name

    def module(self, family: str, module: str) -> Path:
        """Return the folder of a Go module that a family is built from."""
        return gobuild.module_folder(self.recipes.go[family], module, self.logs)

    def keys(self) -> dict[str, str]:
        """Return the lane's images with the key of each, and the Debian roots below them, whose names hold theirs."""
        roots = {_root_name(root): "" for root in self.recipes.roots.values()}
        return {self._reference(recipe): self._key(recipe) for recipe in self.recipes.images.values()} | roots

    def parts(self) -> set[Path]:
        """Return where the parts of the lane's images are kept on this machine."""
        version = gobuild.go_version()
        images = self.recipes.images.values()
        families = [self.recipes.go[name] for name in {name for recipe in images for name in recipe.bin}]
        return {
            *(gobuild.kept(family, self.lane, version) for family in families),
            *(_wheels_kept(self._requirements(recipe)) for recipe in images if recipe.wheels),
            *(_debs_kept(suite, names) for recipe in images for suite, names in recipe.debs.items()),
        }

    def key(self) -> str:
        """Return the content key of the node image, which covers all the others."""
        return self._key(self.recipes.images[NODE])

    def make(self) -> dict[str, str]:
        """Make what is missing and return role -> image name, the node image among them.

        Raises EnvironmentFault where a registry does not answer or the disk is too small, CommandError where a step
        fails.
        """
        if self._exists(
            self.recipes.images[NODE]
        ):  # it holds all the others; who builds some meanwhile is not waited for
            return self.references()
        with exclusive(
            cache_dir() / LOCK, what="the building of images", within=gobuild.BUILD_SECONDS, say=self.progress.say
        ):
            missing = [r for r in self.recipes.images.values() if r.name != NODE and not self._exists(r)]
            node = self.recipes.images[NODE]
            if missing or not self._exists(node):
                self._announce([*missing, node])
                with self.progress.phase("images") as note, Threads(1) as go, Threads(1) as net:
                    parts = self._parts([*missing, node], go, net)
                    for n, recipe in enumerate([*missing, node], 1):
                        note.text = f"{recipe.name}, {n} of {len(missing) + 1}"
                        self._build(recipe, parts)
        return self.references()

    # What exists, and what it is keyed by.

    def _reference(self, recipe: Recipe) -> str:
        """Return an image's name. The node has its key in it: it holds a whole lane, and is not another lane's."""
        name = recipe.reference(self.lane)
        return f"{name}-{self._key(recipe)[:NODE_KEY_CHARS]}" if recipe.name == NODE else name

    def _exists(self, recipe: Recipe) -> bool:
        form = '{{index .Config.Labels "' + LABEL + '"}}'
        seen = self.engine.docker("image", "inspect", "--format", form, self._reference(recipe), check=False)
        return seen.code == 0 and seen.stdout.strip() == self._key(recipe)

    def _key(self, recipe: Recipe) -> str:
        digest = hashlib.sha256()
        for path in recipe.contents():
            digest.update(str(path.relative_to(recipe.folder)).encode() + path.read_bytes())
        parts = [recipe.reference(self.lane), json.dumps([recipe.debs, recipe.args], default=str)]
        if recipe.root:
            parts.append(_root_key(self.recipes.roots[recipe.root]))
        if recipe.wheels:
            parts.append(self._requirements(recipe).read_text())
        if recipe.files:  # the module's version is in its family's key
            parts.append(json.dumps([recipe.files.module, dict(recipe.files.take)]))
        version = gobuild.go_version()
        parts += [gobuild.family_key(self.recipes.go[family], self.lane, version) for family in recipe.bin]
        if recipe.name == NODE:  # it holds all the others
            parts += [self._key(other) for other in self.recipes.images.values() if other.name != NODE]
        digest.update("\n".join(parts).encode())
        return digest.hexdigest()[:32]

    def _announce(self, recipes: list[Recipe]) -> None:
        version = gobuild.go_version()
        families = [self.recipes.go[name] for name in sorted({f for r in recipes for f in r.bin})]
        todo = [f for f in families if not gobuild.kept(f, self.lane, version).exists()]
        minutes = sum(f.minutes for f in todo) + 0.3 * len(recipes)
        parts = gib_for(todo, len(recipes))
        self.progress.say(
            f"to build: {len(recipes)} images ({', '.join(r.name for r in recipes)})"
            + (f"; Go programs of {', '.join(f.name for f in todo)}" if todo else "; all Go programs are there")
            + f"; about {minutes:.0f} min on 2 cores, up to {sum(parts.values()):.0f} GiB of disk"
        )
        demand(
            sum(parts.values()),
            f"lane {self.lane.name} lacks {', '.join(f'{part} ({need:.1f} GiB)' for part, need in parts.items())}",
        )

    # The parts that go into build contexts.

    def _parts(self, recipes: list[Recipe], go: Threads, net: Threads) -> dict[str, Future[Path]]:
        parts: dict[str, Future[Path]] = {}
        for root in dict.fromkeys(r.root for r in recipes if r.root):
            parts[f"root {root}"] = net.submit(self._root, self.recipes.roots[root])
        for recipe in recipes:
            if recipe.wheels:
                parts[f"wheels {recipe.name}"] = net.submit(self._wheels, recipe.name, self._requirements(recipe))
            for suite, names in recipe.debs.items():
                parts[f"debs {recipe.name} {suite}"] = net.submit(self._debs, suite, names)
        for family in dict.fromkeys(f for r in recipes for f in r.bin):
            parts[f"go {family}"] = go.submit(self._family, family)
        return parts

    def _family(self, name: str) -> Path:
        with self.progress.phase(f"go build {name}"):
            return gobuild.binaries(self.recipes.go[name], self.lane, self.logs)

    def _root(self, root: Root) -> Path:
        """Import a Debian file system into the engine; the path returned holds its image's name."""
        name = _root_name(root)
        if self.engine.docker("image", "inspect", name, check=False).code:
            tools = toolbox(TOOLS, self.progress)
            log = self.logs / f"root-{root.name}.log"
            with (
                self.progress.phase(f"mmdebstrap {root.name}"),
                tempfile.TemporaryDirectory(dir=cache_dir(), prefix="root-") as folder,
            ):
                tar, sources = Path(folder) / "root.tar", Path(folder) / "sources.list"
                sources.write_text("\n".join(packages.sources(root.suite)) + "\n")
                mode = "root" if os.geteuid() == 0 else "unshare"
                try:
                    run(
                        [
                            *(tools.program("mmdebstrap"), f"--mode={mode}", "--variant=minbase"),
                            *("--skip=check/empty", f"--include={','.join(root.packages)}", root.suite, tar, sources),
                        ],
                        timeout=STEP_SECONDS,
                        log=log,
                    )
                except CommandError as error:
                    raise EnvironmentFault(
                        f"can't make the Debian root {root.name}\n{error}",
                        "check that `apt-get update` works, then run again: what is done is kept",
                    ) from error
                self.engine.docker("import", tar, name, timeout=STEP_SECONDS)
        return Path(name)

    def _requirements(self, recipe: Recipe) -> Path:
        return in_tree(fill(recipe.wheels or "", self.lane))

    def _wheels(self, image: str, requirements: Path) -> Path:
        done = _wheels_kept(requirements)
        if not done.exists():
            part = done.with_suffix(".part")
            part.mkdir(parents=True, exist_ok=True)
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
            pip += ["--timeout=30", "--retries=2"]  # whatever this machine's own are: who is silent is given up
            # pip that is ended leaves what it unpacked: here the next run removes it.
            scratch = done.with_suffix(".tmp")
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            with self.progress.phase(f"wheels of {image}"):
                try:
                    run([*pip, "-r", requirements, "-d", part], timeout=STEP_SECONDS, env={"TMPDIR": str(scratch)})
                except CommandError as error:
                    raise EnvironmentFault(
                        f"can't fetch the wheels of {requirements}\n{error}",
                        "check that `pip download` works on this machine, then run again: what is done is kept",
                    ) from error
                finally:
                    shutil.rmtree(scratch, ignore_errors=True)
            shutil.copy(requirements, part / "requirements.txt")
            part.rename(done)
        return done

    def _debs(self, suite: str, wanted: Iterable[str]) -> Path:
        names = sorted(wanted)
        done = _debs_kept(suite, names)
        if not done.exists():
            part = done.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            packages.fetch(suite, names, part)
            part.rename(done)
        return done

    # The images.

    def _build(self, recipe: Recipe, parts: dict[str, Future[Path]]) -> None:
        log = self.logs / f"image-{recipe.name}.log"
        log.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_dir(), prefix="context-") as folder:
            context = Path(folder)
            for own in recipe.contents():
                _link(own, context / own.relative_to(recipe.folder))
            for family, programs in recipe.bin.items():
                built = parts[f"go {family}"].result()
                for program in programs:
                    _link(built / program, context / "bin" / program)
            for suite in recipe.debs:
                shutil.copytree(
                    parts[f"debs {recipe.name} {suite}"].result(), context / "debs", symlinks=True, dirs_exist_ok=True
                )
            if recipe.wheels:
                shutil.copytree(parts[f"wheels {recipe.name}"].result(), context / "wheels", copy_function=_link)
            if recipe.files:
                source = self.module(recipe.files.family, recipe.files.module)
                for path, name in recipe.files.take.items():
                    _link(source / path, context / "files" / name)
            args = dict(recipe.args)
            if recipe.root:
                args["BASE"] = str(parts[f"root {recipe.root}"].result())
            if recipe.name == NODE:
                inner = [r for role, r in self.references().items() if role != NODE]
                self.engine.docker("save", "-o", context / "images.tar", *inner, timeout=STEP_SECONDS)
            flags = [word for name, value in args.items() for word in ("--build-arg", f"{name}={value}")]
            label = f"{LABEL}={self._key(recipe)}"
            self._buildx(
                *("build", "--network=none", "--progress=plain", "--label", label, *flags),
                *("--tag", self._reference(recipe), context),
                log=log,
            )

    def _buildx(self, *words: str | Path, log: Path) -> None:
        """Build inside the engine, with a buildx of our own: a user's docker may come without one.

        BUILDX_BUILDER: the engine's own builder, which knows the engine's images; the user may have chosen another.
        """
        builder = {"BUILDX_BUILDER": "default", "BUILDX_CONFIG": str(cache_dir() / "buildx")}
        run(
            [toolbox(TOOLS, self.progress).program("cli-plugins/docker-buildx"), *words],
            timeout=STEP_SECONDS,
            env={**self.engine.environment, **builder},
            log=log,
        )


def gib_for(families: Sequence[GoFamily], images: int) -> dict[str, float]:
    """Return the GiB of disk that these Go programs and images take, the node's among them, and a cluster of it."""
    parts = {
        f"Go programs of {', '.join(family.name for family in families)}": GO_GIB_A_MINUTE
        * sum(family.minutes for family in families),
        f"{images - 1} images": IMAGE_GIB * (images - 1),
        "the node image": NODE_GIB,
        "a cluster": CLUSTER_GIB,
    }
    return {part: need for part, need in parts.items() if need}


def _wheels_kept(requirements: Path) -> Path:
    return cache_dir() / "wheels" / hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]


def _debs_kept(suite: str, names: Iterable[str]) -> Path:
    return cache_dir() / "debs" / f"{suite}-{'-'.join(sorted(names))}"


def _root_name(root: Root) -> str:
    return f"{REPOSITORY}/root-{root.name}:{root.suite}-{_root_key(root)}"


def _root_key(root: Root) -> str:
    return hashlib.sha256(json.dumps([root.suite, root.packages]).encode()).hexdigest()[:12]


def _link(source: str | Path, target: str | Path) -> None:
    """Place a file without writing it again where the file system allows that."""
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
