"""A cluster that is already there: reached through a kubectl context, and only borrowed."""

from __future__ import annotations

import shutil
from pathlib import Path

from raymesh.errors import EnvironmentFault
from raymesh.platform import contexts, refusals
from raymesh.platform.kube import Kube


def borrowed(context: str) -> Kube:
    """Return the cluster of a context of the user's own kubeconfig (KUBECONFIG is honoured).

    Raises UsageError for a context that is not there, EnvironmentFault where there is no kubectl, or the API server
    does not answer or does not know who asks.
    """
    found = shutil.which("kubectl")
    if not found:
        raise EnvironmentFault("there is no kubectl on PATH", "install the kubectl of your cluster's version")
    contexts.check(found, context)
    kube = Kube(None, Path(found), context)
    if why := kube.unreachable():
        found_cure = refusals.read(why)
        cure = (
            found_cure.cure if found_cure else "the API server must answer from here: try `kubectl get --raw /version`"
        )
        raise EnvironmentFault(f"--context {context}: {_last_line(why)}", cure)
    return kube


def _last_line(said: str) -> str:
    return next(line for line in reversed(said.strip().splitlines()) if "cure:" not in line).strip()
