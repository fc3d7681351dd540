"""`--image PROGRAM=REF`: what it takes, and what it says to the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from raymesh.errors import UsageError
from raymesh.images.choosing import PROGRAMS, chosen
from raymesh.proof.looks import OF_ROLE


def test_names_and_files_are_taken(tmp_path: Path) -> None:
    (tmp_path / "ray.tar").touch()
    told = ["kuberay-operator=my/operator:pr-123", f"ray={tmp_path}/ray.tar", "node=a.example:5000/node"]
    assert list(chosen(told)) == ["kuberay-operator", "ray", "node"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["kuberay=a:1"], r"--image 'kuberay=a:1': PROGRAM=REF, of kuberay-operator, pilot"),
        (["ray"], "PROGRAM=REF"),
        (["ray="], "PROGRAM=REF"),
        (["ray=a:1", "ray=b:1"], "ray is told twice, a:1 before"),
        (["ray=/nowhere/ray.tar"], "there is no file /nowhere/ray.tar"),
        (["ray=lost.tar"], "there is no file lost.tar"),
        (["ray=A:1"], "'A:1' is no image's name"),
    ],
)
def test_what_it_does_not_take_is_told(texts: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        chosen(texts)


def test_of_every_program_it_is_known_what_reports_its_version() -> None:
    assert set(OF_ROLE) == set(PROGRAMS)
