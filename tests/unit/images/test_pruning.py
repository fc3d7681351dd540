"""What no lane needs goes, what one needs stays, and what is in use is named: by names, keys and folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raymesh.commands.main import main
from raymesh.errors import CommandError
from raymesh.images import gobuild, remote
from raymesh.images.names import Reference
from raymesh.images.pruning import needed, note_pulled, prune
from raymesh.images.workshop import NODE, Workshop
from raymesh.lane import load_lane
from raymesh.machine import engine as engines
from raymesh.machine import locks
from raymesh.machine.engine import Engine
from raymesh.machine.programs import Completed
from raymesh.paths import cache_dir
from raymesh.progress import Progress

SEED, STABLE = load_lane("seed"), load_lane("stable")
PRIVATE, USERS = Engine("private", "26", ""), Engine("docker", "27", "")
KEYLESS = "<none>"


class Docker:
    """The images of an engine: name -> key; those of `used` can't be removed."""

    def __init__(self) -> None:
        self.images: dict[str, str] = {}
        self.used: set[str] = set()
        self.pruned: list[str] = []

    def __call__(self, *words: object, **_: object) -> Completed:
        text = [str(word) for word in words]
        match text[:2]:
            case ["image", "ls"]:
                dangling = "dangling=true" in text
                found = [name for name in self.images if name.startswith(KEYLESS) is dangling]
                return self.say("\n".join(json.dumps(self.row(name)) for name in found))
            case ["image", "inspect"]:
                return self.say(self.images[text[-1]])
            case ["image", "rm"]:
                if text[-1] in self.used:
                    raise CommandError(f"unable to remove {text[-1]}: image is being used by running container 622885")
                del self.images[text[-1]]
        if text[1:2] == ["prune"]:
            self.pruned.append(text[0])
            return self.say("deleted\nTotal reclaimed space: 7.753GB" if text[0] == "builder" else "Total: 0B")
        return self.say("")

    def row(self, name: str) -> dict[str, str]:
        if name.startswith(KEYLESS):
            return {"Repository": KEYLESS, "Tag": KEYLESS, "ID": name, "Size": "1GB"}
        repository, _, tag = name.rpartition(":")
        return {"Repository": repository, "Tag": tag, "ID": "0", "Size": "1GB"}

    @staticmethod
    def say(text: str) -> Completed:
        return Completed(0, text, "", 0.0)


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Docker:
    found = Docker()
    monkeypatch.setattr(Engine, "docker", lambda _, *words, **rest: found(*words, **rest))
    monkeypatch.setattr(gobuild, "go_version", lambda: "go1.26.8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(locks, "_folder", lambda: tmp_path / "locks.d")
    return found


def of(name: str) -> Workshop:
    return Workshop.open(load_lane(name).as_built(), PRIVATE, Progress())


def test_what_a_lane_needs_stays_by_its_key_and_all_else_goes(docker: Docker) -> None:
    seed, stable = of("seed").keys(), of("stable").keys()
    docker.images = {**seed, **stable, "localhost/raymesh/old:1": "k", f"{KEYLESS}-1": "k"}
    stale = next(name for name in seed if name not in stable and "/kiali:" in name)
    docker.images[stale] = "of another recipe"
    said: list[str] = []
    assert prune(needed([SEED], PRIVATE, Progress()), PRIVATE, said.append) == []
    assert docker.images.keys() == seed.keys() - {stale}
    assert f"image {stale} (1GB)" in said
    assert "build cache of the private engine: Total reclaimed space: 7.753GB" in said
    assert docker.pruned == ["builder", "volume"]


def test_a_users_engine_keeps_its_build_cache_and_volumes(docker: Docker) -> None:
    prune(needed([SEED], USERS, Progress()), USERS, lambda _: None)
    assert docker.pruned == []


def test_an_image_in_use_is_named_and_the_others_still_go(docker: Docker) -> None:
    docker.images = {"localhost/raymesh/node:v1-a": "k", "localhost/raymesh/old:1": "k"}
    docker.used = {"localhost/raymesh/node:v1-a"}
    used = prune(needed([SEED], PRIVATE, Progress()), PRIVATE, lambda _: None)
    assert used == ["image localhost/raymesh/node:v1-a, by a container"]
    assert list(docker.images) == ["localhost/raymesh/node:v1-a"]


def test_parts_of_a_lane_stay_and_others_go(docker: Docker, tmp_path: Path) -> None:
    del docker
    cache = tmp_path / "raymesh"
    own = of("seed").parts()
    others = of("stable").parts() - own
    assert own
    assert others
    for path in (*own, *others, cache / "wheels" / "half.part"):
        path.mkdir(parents=True)
        (path / "x").write_text("x")
    (cache / "bin" / "kubernetes.lock").touch()
    prune(needed([SEED], PRIVATE, Progress()), PRIVATE, lambda _: None)
    left = {path for name in ("bin", "wheels", "debs") for path in (cache / name).iterdir()}
    assert left == own | {cache / "bin" / "kubernetes.lock"}


def test_what_a_lane_has_pulled_stays_with_it(docker: Docker) -> None:
    made = {}
    for lane in (SEED, STABLE):
        blobs = [remote.Blob(f"sha256:{lane.name:0>64}{part}", 1) for part in ("c", "l")]
        for blob in blobs:
            blob.file.write_text("x")
        node = f"localhost/raymesh/pulled-{NODE}:{lane.name}"
        docker.images[node] = "k"
        note_pulled(lane, node, [remote.Manifest(Reference("a.example", "b"), "", blobs[0], (blobs[1],))])
        made[lane.name] = {blob.file for blob in blobs}
    prune(needed([STABLE], PRIVATE, Progress()), PRIVATE, lambda _: None)
    assert set(remote.folder().iterdir()) == {remote.folder() / "stable.lane", *made["stable"]}
    assert list(docker.images) == [f"localhost/raymesh/pulled-{NODE}:stable"]


def test_the_command_says_what_it_kept_and_that_something_is_in_use(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docker.images, docker.used = {"localhost/raymesh/a:1": "k", "localhost/raymesh/b:1": "k"}, {"localhost/raymesh/a:1"}
    monkeypatch.setattr(engines, "users_engine", lambda: USERS)
    assert main(["clean", "--images", "--keep", "seed"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == [
        "removed: image localhost/raymesh/b:1 (1GB)",
        "in use: image localhost/raymesh/a:1, by a container",
    ]
    assert out[2].startswith("kept: what seed can use; ")


def test_whoever_runs_keeps_its_images(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docker.images = {"localhost/raymesh/a:1": "k"}
    monkeypatch.setattr(engines, "users_engine", lambda: USERS)
    for lock in (locks.of_caches(), cache_dir() / "workshop.lock"):
        with locks.shared(lock):
            assert main(["clean", "--images"]) == 4
        assert "in use by process" in capsys.readouterr().err
    assert docker.images


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--images", "--keep", "sed"], "unknown lane 'sed'"), (["--keep", "seed"], "--keep goes with --images")],
)
def test_what_it_does_not_take_is_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", *words]) == 2
    assert said in capsys.readouterr().err
