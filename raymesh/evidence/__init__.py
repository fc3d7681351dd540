"""Evidence: what a run leaves behind for a person to read."""

from raymesh.evidence.artifacts import Artifacts
from raymesh.evidence.bundle import collect
from raymesh.evidence.redact import Form, Redacted, redact
from raymesh.evidence.report import Judged, report, write_timings

__all__ = ["Artifacts", "Form", "Judged", "Redacted", "collect", "redact", "report", "write_timings"]
