"""Which lanes a CI run proves, what it is compared with, and the second lane of `.ci/run`."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from raymesh.evidence.record import to_json
from raymesh.lane import lane_names
from raymesh.paths import ROOT
from tests.unit.evidence.records import GREEN, RED

DAY = 86400
LIMIT_MINUTES = 90  # of one run of .ci/run


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ci_{name}", ROOT / ".ci" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lanes_of(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / ".ci" / "lanes.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("event", "words", "found"),
    [
        ("pull_request", "", ["seed"]),
        ("schedule", "", lane_names()),
        ("workflow_dispatch", "all", lane_names()),
        ("workflow_dispatch", "stable, edge stable", ["stable", "edge"]),
    ],
)
def test_which_lanes_run(event: str, words: str, found: list[str]) -> None:
    assert json.loads(lanes_of(event, words).stdout) == found


def test_an_unknown_lane_ends_the_run_and_says_which_there_are() -> None:
    done = lanes_of("workflow_dispatch", "stabel")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no lane stabel: all, or of seed" in done.stderr


def test_each_lane_but_the_first_has_its_turn_by_the_day() -> None:
    of_day, start = script("lanes").of_day, int(datetime(2026, 11, 25, tzinfo=UTC).timestamp())
    turns = Counter(of_day(start + day * DAY, lane_names()) for day in range(30))
    assert turns == dict.fromkeys(lane_names()[1:], 10)
    assert of_day(start, lane_names()) == of_day(start + DAY - 1, lane_names()) != of_day(start + DAY, lane_names())


@pytest.mark.parametrize(("second", "ran"), [("", 2), ("edge", 3), ("rotate", 3)])
def test_ci_runs_a_second_lane_where_it_is_told_to(second: str, ran: int, tmp_path: Path) -> None:
    """With a `make` that only says what it is asked for."""
    (tmp_path / "make").write_text('#!/bin/sh\necho "make $*"\n')
    (tmp_path / "make").chmod(0o755)
    tree = tmp_path / "tree"
    (tree / ".venv" / "bin").mkdir(parents=True)
    (tree / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (tree / ".ci").symlink_to(ROOT / ".ci")
    environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RAYMESH_CI_SECOND": second}
    done = subprocess.run([tree / ".ci" / "run"], env=environ, capture_output=True, text=True, check=True, cwd=tmp_path)
    made = [line for line in done.stdout.splitlines() if line.startswith("make ")]
    assert made[:2] == ["make test", "make e2e"]
    assert len(made) == ran
    if second == "edge":
        assert made[2] == "make e2e ARGS=--lane edge --artifacts artifacts-edge"


def minutes_of_ci() -> tuple[int, list[int]]:
    """Return how long a part may take to end once it is asked to, and the minutes of each part, of `.ci/run`."""
    text = (ROOT / ".ci" / "run").read_text()
    [after] = re.findall(r"timeout --signal=TERM --kill-after=(\d+)m \"\$@\"", text)
    made = re.findall(r"^ *(?:limit (\d+)m )?make ", text, re.MULTILINE)
    assert made
    assert all(made), "nothing runs without a limit"
    return int(after), [int(minutes) for minutes in made]


def test_all_parts_of_ci_fit_its_limit_whatever_they_wait_for() -> None:
    after, parts = minutes_of_ci()
    assert len(parts) == 3
    assert sum(parts) + after <= LIMIT_MINUTES, "the one that is late ends the run"


def test_no_wait_alone_is_longer_than_the_part_it_is_in() -> None:
    """A wait that could outlast its part would end it without a word; the part's own limit is the last resort."""
    _, parts = minutes_of_ci()
    seconds = {}
    for path in sorted((ROOT / "raymesh").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name) and (target.id.endswith("SECONDS") or path.name == "deadlines.py"):
                        seconds[f"{path.relative_to(ROOT)}: {target.id}"] = float(node.value.value)  # type: ignore[arg-type]  # a number
    assert len(seconds) > 20
    assert {name: value for name, value in seconds.items() if value > 60 * min(parts[1:])} == {}


def test_a_part_that_does_not_end_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "make").write_text("#!/bin/sh\necho $$ > pid\nexec sleep 60\n")
    (tmp_path / "make").chmod(0o755)
    (tmp_path / ".ci").mkdir()
    text = (ROOT / ".ci" / "run").read_text()
    (tmp_path / ".ci" / "run").write_text(text.replace("limit 15m", "limit 0.5"))
    environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", tmp_path / ".ci" / "run"], env=environ, check=False, timeout=30, capture_output=True)
    assert done.returncode == 124
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The code host's program, which has the artifacts of `rows` and gives the record that lies in `kept`."""
    program = tmp_path / "gh"
    program.write_text(
        "#!/bin/sh\n"
        f'case "$1" in api) cat {tmp_path}/rows ;; run) echo "$3" >> {tmp_path}/asked\n'
        f'  while [ "$1" != --dir ]; do shift; done; mkdir -p "$2"; cp {tmp_path}/kept "$2"/record.json ;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name, value in (("REPOSITORY", "me/raymesh"), ("RUN_ID", "9")):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    monkeypatch.setenv("DEFAULT_BRANCH", "main")
    (tmp_path / "kept").write_text(to_json(GREEN))
    now = tmp_path / "now" / "record-seed"
    now.mkdir(parents=True)
    (now / "record.json").write_text(to_json(RED))
    return tmp_path


def artifact(
    run: int, at: str, *, branch: str = "main", expired: bool = False, fork: bool = False
) -> dict[str, object]:
    origin = {"head_repository_id": 2 if fork else 1, "repository_id": 1}
    return {"created_at": at, "expired": expired, "workflow_run": {"id": run, "head_branch": branch, **origin}}


def compared(folder: Path) -> int:
    code = script("compare").main(folder / "now", folder / "before", folder / "page.md")
    assert isinstance(code, int)
    return code


def test_the_newest_record_of_the_default_branch_is_what_it_is_compared_with(gh: Path) -> None:
    rows = [
        artifact(1, "2026-01-01"),
        artifact(2, "2026-01-03"),
        artifact(3, "2026-01-04", branch="mine"),
        artifact(4, "2026-01-05", expired=True),
        artifact(5, "2026-01-06", fork=True),
        artifact(9, "2026-01-07"),
    ]
    (gh / "rows").write_text(json.dumps({"artifacts": rows}))
    assert compared(gh) == 1, "it got worse"
    assert (gh / "asked").read_text() == "2\n"
    assert (gh / "page.md").read_text().startswith("### Lane seed\n|")
    assert "WORSE" in (gh / "page.md").read_text()


def test_without_an_artifact_the_committed_record_is_taken(gh: Path) -> None:
    (gh / "rows").write_text("{}")
    assert compared(gh) == 1
    assert "### Lane seed\n|" in (gh / "page.md").read_text()
    (gh / "now" / "record-seed").rename(gh / "now" / "record-edge")
    assert compared(gh) == 0
    assert "There is no earlier record of this lane." in (gh / "page.md").read_text()


def test_no_record_at_all_is_an_error(gh: Path) -> None:
    with pytest.raises(SystemExit, match="there is no record below"):
        script("compare").main(gh / "nothing", gh / "before", gh / "page.md")


def test_the_action_hands_each_input_to_the_option_of_its_name() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    [step] = [step for step in action["runs"]["steps"] if "make e2e" in step.get("run", "")]
    for name in set(action["inputs"]) - {"artifacts"}:
        assert f"inputs.{name}" in step["env"]["RAYMESH_" + name.upper().replace("-", "_")]
    last = action["runs"]["steps"][-1]
    assert (last["if"], last["with"]["if-no-files-found"]) == ("always()", "error")
    pinned = {step["uses"] for step in action["runs"]["steps"] if "uses" in step}
    workflow = (ROOT / ".github" / "workflows" / "e2e.yaml").read_text()
    assert all(one in workflow for one in pinned), "one version of each action in the tree"
