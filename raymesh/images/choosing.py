"""What `--image` says: which program's image is another than the lane's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raymesh.errors import UsageError
from raymesh.images import names

PROGRAMS = ("kuberay-operator", "pilot", "sidecar", "ray", "kiali", "jaeger", "prometheus", "node")


def chosen(texts: Sequence[str]) -> dict[str, str]:
    """Return program -> REF of each PROGRAM=REF. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        program, _, ref = text.partition("=")
        if program not in PROGRAMS or not ref:
            raise UsageError(f"--image {text!r}: PROGRAM=REF, of {', '.join(PROGRAMS)}")
        if program in found:
            raise UsageError(f"--image {text!r}: {program} is told twice, {found[program]} before")
        if not Path(ref).exists():
            if ref.endswith((".tar", ".tar.gz", ".tgz")) or ref.startswith(("/", ".")):
                raise UsageError(f"--image {text!r}: there is no file {ref}")
            names.parse(ref)
        found[program] = ref
    return found
