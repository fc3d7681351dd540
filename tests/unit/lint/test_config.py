"""Where a configuration is found, what it may say, and how it is refused."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from raymesh.errors import UsageError
from raymesh.lint.config import SCHEMA, Config, Nearest, load_config
from raymesh.lint.project import Given, projects
from raymesh.paths import ROOT
from tests.unit.lint.examples import CLEAN

FULL = """\
paths = ["manifests"]
exclude = ["charts/**"]
group-by = "kustomization"
select = ["RM0"]
fail-on = "error"
show = "warning"
baseline = "known.json"
mesh = true
ray = "2.60"
istio = "1.30"
kubernetes = "v1.35.1"
widest-worker-range = 100

[ignore]
RM027 = "we collect no traces"

[severity]
RM028 = "error"

[[per-path]]
paths = ["samples/**"]
ignore.RM01 = "samples are old"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository: a folder with our file, one below it, and beside it a project with a pyproject.toml."""
    (tmp_path / "team" / "manifests").mkdir(parents=True)
    (tmp_path / "raymesh.toml").write_text("mesh = true\n")
    (tmp_path / "team" / "pyproject.toml").write_text('[project]\nname = "raymesh-user"\n[tool.ruff]\n')
    return tmp_path


def test_it_is_found_upwards_from_the_file(folder: Path) -> None:
    assert Nearest().to(str(folder / "team" / "manifests" / "ray.yaml")).path == str(folder / "raymesh.toml")
    assert Nearest().to(str(folder)).values == {"mesh": True}


def test_a_pyproject_without_our_table_hides_nothing(folder: Path) -> None:
    inner = folder / "team" / "pyproject.toml"
    inner.write_text('[project]\nname = "x"\n\n[tool.raymesh.lint]\nmesh = false\n')
    assert Nearest().to(str(folder / "team" / "manifests")).values == {"mesh": False}


def test_where_there_is_none_the_defaults_hold(tmp_path: Path) -> None:
    assert Config().values == {}
    assert Nearest().to(str(tmp_path)).values == {}


def test_every_key_is_taken(tmp_path: Path) -> None:
    (tmp_path / "raymesh.toml").write_text(FULL)
    made = load_config(str(tmp_path / "raymesh.toml")).values
    assert set(made) == set(json.loads(SCHEMA.read_text())["properties"])
    assert made["per-path"] == [{"paths": ["samples/**"], "ignore": {"RM01": "samples are old"}}]


REFUSED = [
    ("istio = 1.30", "istio: 1.3 is not text in quotes"),
    ("ray = 2", "ray: 2 is not text"),
    ("kubernetes = 'newest'", "kubernetes: 'newest': a release such as 1.28"),
    ("mesh = 'no'", "mesh: 'no' is not true or false"),
    ("mesh = 1", "mesh: 1 is not true or false"),
    ("widest-worker-range = true", "widest-worker-range: True is not a whole number"),
    ("widest-worker-range = -1", "at least 1"),
    ("fail-on = 'never'", "fail-on: 'never': one of note, warning, error"),
    ("group-by = 'x'", "one of auto, directory"),
    ("paths = 'manifests'", "paths: 'manifests' is not a list"),
    ("exclude = [3]", "exclude: 3 is not text"),
    ("ignore.RM027 = ''", "ignore.RM027 needs a reason"),
    ("ignore.RM027 = true", "ignore.RM027: True is not text"),
    ("ignore = ['RM027']", "is not a table of reasons"),
    ("severity.RM027 = 'off'", "severity.RM027: 'off': one of note"),
    ("[[per-path]]\npaths = ['a']", "ignore is missing"),
    ("[[per-path]]\npaths = ['a']\nignore.RM001 = ' '", "ignore.RM001 needs a reason"),
    ("fail_on = 'error'", "unknown key 'fail_on'; it has: baseline, exclude, fail-on"),
]
BEYOND_THE_SCHEMA = [
    ("ignore.RM999 = 'x'", "no such rule 'RM999'"),
    ("select = ['RM9']", "no such rule 'RM9'"),
    ("ignore.RM000 = 'x'", "exclude the file instead"),
    ("= 3", "not TOML"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED + BEYOND_THE_SCHEMA)
def test_what_is_wrong_is_refused_by_its_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "raymesh.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_config(str(path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("table", ["tool = 3", "[tool]\nraymesh = 3", "[tool.raymesh]\nmesh = true"])
def test_a_pyproject_of_another_shape_is_refused(tmp_path: Path, table: str) -> None:
    (tmp_path / "pyproject.toml").write_text(table)
    with pytest.raises(UsageError, match=r"\[tool\.raymesh\.lint\]"):
        load_config(str(tmp_path / "pyproject.toml"))


def test_editors_refuse_the_same() -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    assert validator.is_valid(tomllib.loads(FULL))
    blank = "ignore.RM001 = ' '"  # JSON Schema counts the space
    assert [text for text, _ in REFUSED if validator.is_valid(tomllib.loads(text)) and blank not in text] == []


def test_the_page_names_every_key() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|", (ROOT / "docs" / "configuration.md").read_text(), re.MULTILINE)
    named = {key for row in rows for key in re.findall(r"`([\w-]+)`", row)}
    assert set(json.loads(SCHEMA.read_text())["properties"]) <= named


def test_paths_may_be_written_as_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("dev", "prod"):
        (tmp_path / "env" / name).mkdir(parents=True)
        (tmp_path / "env" / name / "ray.yaml").write_text(CLEAN)
    (tmp_path / "raymesh.toml").write_text('paths = ["env\\\\dev", "env\\\\prod"]\nexclude = ["env\\\\dev\\\\**"]\n')
    (project,) = projects(Given())
    assert [Path(path).as_posix() for path in project.sources] == ["env/prod/ray.yaml"]
