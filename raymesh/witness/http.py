"""One GET with a deadline, kept word for word for the artifacts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests

from raymesh.deadlines import scaled
from raymesh.errors import CommandError, RaymeshError, Unreadable
from raymesh.witness.fields import SHOWN_CHARS

Recorder = Callable[[str, str], None]
"""Takes the name of a call and the answer as it came."""

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0


class NoAnswer(RaymeshError):
    """A witness did not answer, or answered with an HTTP error."""


SILENT = (NoAnswer, CommandError, Unreadable)
"""How a witness fails to say anything: no answer, one that says so, or one that nobody can read."""


@dataclass(frozen=True)
class Http:
    """The HTTP interface of one witness."""

    base_url: str
    record: Recorder
    answer_seconds: float = ANSWER_SECONDS
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, name: str, path: str, params: Mapping[str, str | int] | None = None) -> str:
        """Return the body of `path` and record it under `name`. Raises NoAnswer."""
        url = self.base_url.rstrip("/") + path
        try:
            patience = scaled(CONNECT_SECONDS), scaled(self.answer_seconds)
            answer = self.session.get(url, params=params, timeout=patience)
        except requests.RequestException as error:
            raise NoAnswer(f"{url}: {error}") from error
        self.record(name, answer.text)
        if not answer.ok:
            raise NoAnswer(f"{answer.url}: HTTP {answer.status_code}: {answer.text[:SHOWN_CHARS]}")
        return answer.text
