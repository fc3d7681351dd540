"""A cluster that is already there: reached through a kubectl context, and only borrowed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from raymesh.errors import CommandError, EnvironmentFault, UsageError
from raymesh.platform.kube import Kube

ANSWER_SECONDS = 20


def borrowed(context: str) -> Kube:
    """Return the cluster of a context of the user's own kubeconfig (KUBECONFIG is honoured).

    Raises UsageError for a context that is not there, EnvironmentFault where there is no kubectl, or the API server
    does not answer or does not know who asks.
    """
    found = shutil.which("kubectl")
    if not found:
        raise EnvironmentFault("there is no kubectl on PATH", "install the kubectl of your cluster's version")
    kube = Kube(None, Path(found), context)
    known = Kube(None, Path(found)).kubectl("config", "get-contexts", "-o", "name", check=False).stdout.split()
    if context not in known:
        where = os.environ.get("KUBECONFIG", "~/.kube/config")
        raise UsageError(f"--context {context}: {where} has {', '.join(known) or 'no context'}")
    try:
        kube.kubectl("get", "--raw", "/version", timeout=ANSWER_SECONDS)
    except CommandError as error:
        raise EnvironmentFault(f"--context {context}: {_last_line(error)}", _cure(str(error))) from None
    return kube


def _last_line(error: CommandError) -> str:
    return str(error).strip().splitlines()[-1]


def _cure(said: str) -> str:
    lowered = said.lower()
    if "unauthorized" in lowered or "logged in" in lowered or "expired" in lowered or "credentials" in lowered:
        return "log in again: the credentials of this context are not taken any more"
    if "forbidden" in lowered:
        return "ask for the roles in manifests/rbac/"
    if "certificate" in lowered or "x509" in lowered:
        return "the context's certificate-authority is not that of this API server: get a new kubeconfig"
    return "try `kubectl get --raw /version` with this context: the API server must answer from here"
