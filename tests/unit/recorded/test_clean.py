"""What was recorded can be shown to anybody."""

from __future__ import annotations

import pytest

from raymesh.evidence.redact import redact
from tests.unit.recorded.recordings import FOLDER, LATER, recorded

FILES = sorted(path.name.removesuffix(".gz") for folder in (FOLDER, LATER) for path in folder.iterdir())


@pytest.mark.parametrize("file", FILES)
def test_a_recording_has_nothing_to_redact(file: str) -> None:
    text = recorded(file)
    assert redact(text).text == text
    assert "-----BEGIN" not in text  # certificates neither
    assert "inline_bytes" not in text  # where Envoy would have keys
