"""Evidence: what a run leaves behind for a person to read."""

from raymesh.evidence.bundle import collect
from raymesh.evidence.redact import redact
from raymesh.evidence.report import report, write_timings

__all__ = ["collect", "redact", "report", "write_timings"]
