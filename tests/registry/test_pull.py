"""Images are pulled from a real registry, over TLS and with a login; what can go wrong there says cause and cure."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.images import archive, given, istioctl, registry
from raymesh.images.names import Reference, architecture, parse
from raymesh.images.remote import Registries, Remote, folder
from raymesh.images.source import pullable
from raymesh.images.workshop import LABEL
from raymesh.lane import load_lane
from raymesh.machine.engine import Engine
from raymesh.machine.programs import Completed
from raymesh.progress import Progress
from raymesh.settings import Settings, load_settings
from tests.registry.pushing import file_layer
from tests.registry.serving import Served, served

pytestmark = pytest.mark.registry
LANE = load_lane("seed")
NO_ENGINE = Engine("docker", "27", "127.0.0.1")


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: Served) -> None:
    """A machine that has pulled nothing, whose docker client is logged in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(there.client))


def image(there: Served, path: str, tag: str = "1") -> Reference:
    return Reference(there.host, path, tag)


def remote(there: Served) -> Remote:
    return Remote(there.host, there.ca)


def pushed(there: Served, path: str, content: bytes = b"#!/bin/sh\necho hello\n", **labels: str) -> str:
    return there.pusher().push(image(there, path), [file_layer("/lower", b"x"), file_layer("/run", content)], labels)


def test_an_image_is_had_whole_by_its_tag_with_its_digest_and_labels(there: Served, tmp_path: Path) -> None:
    digest = pushed(there, "a/whole", raymesh="yes")
    client = remote(there)
    manifest = client.manifest(image(there, "a/whole"))
    load = given.pulled(client, manifest, "example.org/whole:1")
    load.write(tmp_path / "image.tar")
    assert (load.digest, load.labels) == (digest, {"raymesh": "yes"})
    inside = archive.look(tmp_path / "image.tar", architecture())
    assert len(inside.layers) == 2
    with tarfile.open(tmp_path / "image.tar") as tar:
        manifest_file = tar.extractfile("manifest.json")
        assert manifest_file
        assert json.load(manifest_file)[0]["RepoTags"] == ["example.org/whole:1"]


def test_what_is_there_is_not_fetched_again_and_half_of_it_is_begun_anew(there: Served) -> None:
    pushed(there, "a/again")
    client = remote(there)
    manifest = client.manifest(image(there, "a/again"))
    assert client.missing(manifest) == manifest.size
    for blob in (manifest.config, *manifest.layers):
        done = folder() / blob.digest.replace(":", "-")
        done.with_suffix(".part").write_bytes(b"half")  # of a run that was killed
        assert client.blob(manifest.reference, blob) == done
    assert client.missing(manifest) == 0
    away = Remote("127.0.0.1:1", there.ca)
    assert away.blob(manifest.reference, manifest.config).exists()
    assert not list(folder().glob("*.part"))


def test_a_digest_is_what_is_asked_for_whatever_the_tag_says(there: Served) -> None:
    first = pushed(there, "a/moved", b"one")
    pushed(there, "a/moved", b"two")
    client = remote(there)
    assert client.manifest(parse(f"{there.host}/a/moved:1@{first}")).digest == first
    assert client.manifest(image(there, "a/moved")).digest != first


def test_of_several_architectures_this_machines_is_taken(there: Served) -> None:
    pusher, own = there.pusher(), architecture()
    name = replace(image(there, "a/many"), tag="")
    made = {}
    for machine in (own, "s390x"):
        digest = pusher.push(name, [file_layer("/run", machine.encode())], machine=machine)
        made[machine] = digest, 1
    whole = pusher.push_index(image(there, "a/many"), made)
    found = remote(there).manifest(image(there, "a/many"))
    assert found.digest == whole
    assert remote(there).config(found)["architecture"] == own
    pusher.push(replace(image(there, "a/other"), tag=""), [file_layer("/run", b"s390x")], machine="s390x")
    pusher.push_index(image(there, "a/other"), {"s390x": made["s390x"]})
    with pytest.raises(EnvironmentFault, match=rf"has nothing for linux/{own}: linux/s390x\n  cure: mirror it"):
        remote(there).manifest(image(there, "a/other"))


def lane_settings(there: Served, *words: str) -> Settings:
    options = {"registry": f"{there.host}/mirror", "registry-ca": str(there.ca), "set": "kubernetes=1.29.15"}
    return load_settings((options | dict(word.split("=", 1) for word in words)).get, environ={})


def fill(there: Served, settings: Settings, *, without: str = "", said: str = "") -> None:
    """Push something small for each role, under its published name in the mirror."""
    for role, name in registry.published(settings.lane, settings.registry).items():
        if role != without:
            program = f"#!/bin/sh\necho client version: {said or settings.lane.istio}\n".encode()
            labels = {LABEL: "key"} if role == "sidecar" else {}
            there.pusher().push(parse(name), [file_layer(istioctl.INSIDE, program)], labels)


def test_a_lane_is_pulled_from_a_mirror_and_each_role_has_its_digest(there: Served) -> None:
    settings = lane_settings(there)
    fill(there, settings)
    found = pullable(settings, Registries(there.host, there.ca), Progress())
    assert set(found) == set(registry.published(settings.lane))
    assert all(one.reference.path.startswith("mirror/") for one in found.values())
    assert len({one.digest for one in found.values()}) == 2, "what was pushed differs in a label alone"
    assert LABEL in given.pulled(remote(there), found["sidecar"], "x").labels
    program = istioctl.pulled(settings.lane, remote(there), found["istioctl"], Progress())
    assert settings.lane.istio in program.read_text()


def test_one_image_that_is_refused_is_named_and_nothing_is_begun(there: Served) -> None:
    settings = lane_settings(there, "registry=" + f"{there.host}/poor")
    fill(there, settings, without="kiali")
    with pytest.raises(
        EnvironmentFault, match=r"has no \S+/poor/kiali/kiali:v1\.79\.0\n  cure: copy it there"
    ) as error:
        pullable(settings, Registries(there.host, there.ca), Progress())
    assert "jaeger" not in str(error.value)


def test_istioctl_of_another_version_is_refused_and_not_kept(there: Served) -> None:
    settings = lane_settings(there, "registry=" + f"{there.host}/lies")
    fill(there, settings, said="1.2.3")
    found = pullable(settings, Registries(there.host, there.ca), Progress())
    with pytest.raises(EnvironmentFault, match=r"says that it is client version: 1\.2\.3, and the lane's Istio is"):
        istioctl.pulled(settings.lane, remote(there), found["istioctl"], Progress())
    assert not [path for path in (folder().parent / "bin").iterdir() if path.suffix != ".lock"]


def test_an_image_that_is_given_is_taken_from_the_registry(there: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "docker", lambda *_, **__: Completed(1, "", "no such image", 0.0))
    digest = pushed(there, "mine/operator")
    ref = f"{there.host}/mine/operator:1"
    load = given.find("kuberay-operator", ref, NO_ENGINE, Registries(there.host, there.ca))
    assert (load.digest, load.source) == (digest, f"{ref}, from its registry")
    assert load.name == f"localhost/raymesh/given-kuberay-operator:{digest.removeprefix('sha256:')[:12]}"


@pytest.mark.parametrize("what", ["nobody", "stranger"])
def test_who_is_not_logged_in_is_told_how(
    there: Served, what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pushed(there, "a/secret")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    if what == "stranger":
        auth = "bWlycm9yOndyb25n"  # mirror:wrong
        (tmp_path / "config.json").write_text(json.dumps({"auths": {there.host: {"auth": auth}}}))
    said = "there is none" if what == "nobody" else "refuses the login of mirror"
    with pytest.raises(EnvironmentFault, match=rf"{said}.*\n  cure: `docker login {there.host}`"):
        remote(there).manifest(image(there, "a/secret"))


def test_a_ca_that_is_not_told_is_named_as_the_cause(there: Served) -> None:
    with pytest.raises(EnvironmentFault, match=r"can't be told from another .*\n  cure: --registry-ca FILE"):
        Remote(there.host).manifest(image(there, "a/whole"))


def test_nobody_at_home(there: Served) -> None:
    with pytest.raises(EnvironmentFault, match=r"the registry 127\.0\.0\.1:1 does not answer"):
        Remote("127.0.0.1:1", there.ca).manifest(Reference("127.0.0.1:1", "a", "1"))
