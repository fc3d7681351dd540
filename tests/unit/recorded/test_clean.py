"""What was recorded can be shown to anybody."""

from __future__ import annotations

import pytest

from raymesh.evidence.redact import Form, redact
from raymesh.evidence.redaction.taken import Kind
from tests.unit.recorded.recordings import EARLIER, FOLDER, recorded

FILES = sorted(path.name.removesuffix(".gz") for folder in (FOLDER, EARLIER) for path in folder.iterdir())


@pytest.mark.parametrize("file", FILES)
def test_a_recording_has_nothing_to_redact(file: str) -> None:
    text = recorded(file)
    found = redact(text, Form.OBJECT)
    assert set(found.counts) <= {Kind.COPY}  # kubectl's copy of an object stands beside the object
    assert (found.text == text) == (not found.counts)
    assert "-----BEGIN" not in text  # certificates neither
    assert "inline_bytes" not in text  # where Envoy would have keys
