"""The login of a registry: as docker's client finds it, and what is said where it can't be read."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.images.login import HUBS_KEY, Login, login_of

HOST = "registry.example"
HELPER = """#!/bin/sh
read host
case $host in
registry.example) echo '{"Username": "helped", "Secret": "pass"}' ;;
token.example) echo '{"Username": "<token>", "Secret": "x"}' ;;
garbage.example) echo hello ;;
none.example) echo "credentials not found in native keychain"; exit 1 ;;
*) echo locked >&2; exit 1 ;;
esac
"""


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of a docker client, and a helper on PATH."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    program = tmp_path / "docker-credential-box"
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def told(client: Path, **config: object) -> None:
    (client / "config.json").write_text(json.dumps(config))


def auth(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def test_without_a_file_nobody_is_logged_in() -> None:
    assert not login_of(HOST)


@pytest.mark.parametrize("key", [HOST, f"https://{HOST}", f"https://{HOST}/v1/"])
def test_a_login_is_found_under_every_name_that_docker_gives_it(client: Path, key: str) -> None:
    told(client, auths={key: auth("me:pass:word"), "other.example": auth("you:x")})
    assert login_of(HOST) == Login("me", "pass:word")
    assert not login_of("third.example")


def test_the_hub_goes_by_a_name_of_its_own(client: Path) -> None:
    told(client, auths={HUBS_KEY: auth("me:pass")})
    assert login_of("docker.io") == Login("me", "pass")


@pytest.mark.parametrize("config", [{"credHelpers": {HOST: "box"}}, {"credsStore": "box"}])
def test_a_helper_is_asked(client: Path, config: dict[str, object]) -> None:
    told(client, auths={HOST: {}}, **config)
    assert login_of(HOST) == Login("helped", "pass")


def test_a_helper_that_has_none_is_nobody(client: Path) -> None:
    told(client, credsStore="box")
    assert not login_of("none.example")


@pytest.mark.parametrize(
    ("host", "config", "said"),
    [
        ("token.example", {"credsStore": "box"}, "OAuth token.*\n  cure: `docker login token.example`"),
        ("garbage.example", {"credsStore": "box"}, "docker-credential-box answers something else"),
        ("locked.example", {"credsStore": "box"}, "does not give the login for locked.example"),
        (HOST, {"credsStore": "lost"}, "kept by docker-credential-lost, which does not run"),
        (HOST, {"credsStore": "../x"}, "names the helper '../x'"),
        (HOST, {"auths": {HOST: {"auth": "%%%"}}}, "can't read the login for registry.example"),
        (HOST, {"auths": {HOST: auth("nocolon")}}, "`auth` is not USER:PASSWORD"),
        (HOST, {"auths": [1]}, "can't read the login"),
    ],
)
def test_what_can_not_be_read_says_so(client: Path, host: str, config: dict[str, object], said: str) -> None:
    told(client, **config)
    with pytest.raises(EnvironmentFault, match=said):
        login_of(host)


def test_a_file_that_is_no_json_is_named(client: Path) -> None:
    (client / "config.json").write_text("{")
    with pytest.raises(EnvironmentFault, match=r"config\.json"):
        login_of(HOST)


def test_a_password_is_in_no_text() -> None:
    assert "secret" not in repr(Login("me", "secret"))
