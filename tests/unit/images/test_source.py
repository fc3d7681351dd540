"""Which image source serves: the registries are asked through the engine, and whoever is silent is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.images import registry
from raymesh.images.source import _source
from raymesh.machine.engine import Engine
from raymesh.progress import Progress
from raymesh.settings import Settings, load_settings

USERS, PRIVATE = Engine("docker", "27", "127.0.0.1"), Engine("private", "26", "10.213.0.2")
HUB = "docker.io"


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A docker client whose registries are what SILENT and HANGING in the environment do not name."""
    program = tmp_path / "docker"
    program.write_text(
        "#!/bin/sh\n"
        'case "$3" in "$HANGING"/*) exec sleep 60;; "$SILENT"/*) echo no such manifest >&2; exit 1;; esac\n'
        "echo {}\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("HANGING", "none")
    monkeypatch.setenv("SILENT", "none")
    monkeypatch.setattr(registry, "ANSWER_SECONDS", 1.0)


def wanted(source: str) -> Settings:
    return load_settings({"image-source": source}.get, environ={})


@pytest.mark.parametrize(("asked", "chosen"), [("auto", "pull"), ("pull", "pull"), ("build", "build")])
def test_a_users_engine_pulls_where_every_registry_answers(asked: str, chosen: str) -> None:
    assert _source(wanted(asked), USERS, Progress()) == chosen


@pytest.mark.parametrize("how", ["SILENT", "HANGING"])
def test_a_registry_that_gives_no_image_is_named(
    how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(how, HUB)
    assert _source(wanted("auto"), USERS, Progress()) == "build"
    assert f"images are made here, not pulled: no image of the lane from {HUB}\n" in capsys.readouterr().err
    with pytest.raises(EnvironmentFault, match=rf"--image-source pull: no image .* {HUB}\n  cure: "):
        _source(wanted("pull"), USERS, Progress())


def test_the_private_engine_can_not_pull() -> None:
    assert _source(wanted("auto"), PRIVATE, Progress()) == "build"
    with pytest.raises(EnvironmentFault, match="--image-source pull: the private engine has no route"):
        _source(wanted("pull"), PRIVATE, Progress())
