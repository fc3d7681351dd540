"""A process that does the work of a scenario and may be hit: BOX SCENARIO KIND AT SECONDS-THAT-THE-CLOCK-MOVED."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from raymesh.errors import RaymeshError
from tests.crash.points import Points
from tests.crash.scenarios import SCENARIOS, settle_in


def work(box: Path, scenario: str, points: Points, moved: float) -> int:
    """Do it; 0 where it is done. The last line of standard output is the points that were passed, by kind."""
    settle_in(box)
    clock = time.time
    time.time = lambda: clock() + moved
    try:
        with points.armed():
            SCENARIOS[scenario].work(box)
    except (RaymeshError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(points.seen))
    return 0


if __name__ == "__main__":
    box, scenario, kind, at, moved = sys.argv[1:]
    sys.exit(work(Path(box), scenario, Points(kind, int(at)), float(moved)))
