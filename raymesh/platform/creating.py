"""A program of its own that makes a kind cluster with pytest-kind: NAME KUBECONFIG IMAGE KIND KUBECTL CONFIG.

pytest-kind starts kind with neither a deadline nor an environment of the caller's. In a process of its own it gets
both from whoever runs that, and it ends with it. Its folder for downloads is made in the working directory.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pytest_kind.cluster import KindCluster

if __name__ == "__main__":
    name, kubeconfig, image, kind, kubectl, config = sys.argv[1:]
    os.umask(0o077)  # what kind writes there is an administrator's key
    KindCluster(name, Path(kubeconfig), image, Path(kind), Path(kubectl)).create(Path(config))
