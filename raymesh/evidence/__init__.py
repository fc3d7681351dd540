"""Evidence: what a run leaves behind for a person to read."""

from raymesh.evidence.artifacts import Artifacts
from raymesh.evidence.bundle import collect
from raymesh.evidence.redact import Form, Redacted, redact

__all__ = ["Artifacts", "Form", "Redacted", "collect", "redact"]
