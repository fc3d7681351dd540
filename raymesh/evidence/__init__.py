"""Evidence: what a run leaves behind for a person to read."""

from raymesh.evidence.bundle import collect
from raymesh.evidence.redact import redact
from raymesh.evidence.report import Judged, report, write_timings

__all__ = ["Judged", "collect", "redact", "report", "write_timings"]
