"""What the machine has to have."""

from __future__ import annotations

import psutil

from raymesh.errors import EnvironmentFault

MEMORY_GIB = 6.0  # a run takes about 3.5 at its peak, measured on lane seed; Ray takes more where there is more


def check_memory() -> None:
    """Raise EnvironmentFault where less memory is available than a run takes."""
    available = psutil.virtual_memory().available / 2**30
    if available < MEMORY_GIB:
        raise EnvironmentFault(
            f"a run needs {MEMORY_GIB:g} GiB of memory, and {available:.1f} GiB are available",
            "end other programs, or use a larger machine",
        )
