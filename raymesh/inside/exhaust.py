"""Run by the audited Ray's own Python: start more actors than there are worker ports and see how many come up.

Arguments: ADDRESS of the GCS, how many actors, seconds without a further one until that is taken as the end.
Prints one JSON object.
"""

import json
import os
import sys
import time
from typing import Any

import ray


class Idle:
    def ping(self) -> bool:
        return True


def main() -> None:
    address, count, patience = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    make: Any = ray.remote(num_cpus=0)(Idle)
    actors = [make.remote() for _ in range(count)]
    pending = [actor.ping.remote() for actor in actors]
    began = last = time.monotonic()
    errors = []
    while pending and time.monotonic() - last < patience:
        done, pending = ray.wait(pending, num_returns=1, timeout=patience)
        for one in done:
            last = time.monotonic()
            try:
                ray.get(one)
            except ray.exceptions.RayError as error:
                errors.append(str(error)[:200])
    came = count - len(pending) - len(errors)
    print(json.dumps({"came": came, "pending": len(pending), "errors": errors, "last": round(last - began, 1)}))
    sys.stdout.flush()
    os._exit(0)  # calls that hang must not hold the end


main()
