"""Secrets planted in every place that people have them are in no artifact, and what stands around them is."""

from __future__ import annotations

from pathlib import Path

import pytest

from raymesh.evidence import Artifacts, redact
from tests.unit.evidence.canaries import CANARIES as OLDER
from tests.unit.evidence.canaries import Canary
from tests.unit.evidence.canaries_newer import NEWER

CANARIES = (*OLDER, *NEWER)


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name)
def test_a_planted_secret_is_gone_and_the_rest_stays(canary: Canary) -> None:
    assert [secret for secret in canary.secrets if secret not in canary.text.replace("\\n", "\n")] == []
    redacted = redact(canary.text, canary.form)
    assert [secret for secret in canary.secrets if secret in redacted.text] == []
    assert [kept for kept in canary.stays if kept not in redacted.text] == []
    assert redacted.counts.total() > 0


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.name)
def test_redaction_is_final(canary: Canary) -> None:
    once = redact(canary.text, canary.form).text
    assert redact(once, canary.form).text == once


def test_a_planted_cluster_leaves_no_secret_in_any_artifact(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path / "a")
    artifacts.open()
    for canary in CANARIES:
        artifacts.write(f"bundles/test/{canary.name}", canary.text, canary.form)
    planted = {secret for canary in CANARIES for secret in canary.secrets}
    assert len(CANARIES) >= 60
    assert len(planted) >= 60
    written = "".join(path.read_text() for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert [secret for secret in planted if secret in written] == []
    assert artifacts.taken_out().total() >= len(CANARIES)
    artifacts.close()
