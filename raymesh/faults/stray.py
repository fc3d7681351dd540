"""A deliberate break: a port that listens in a Ray pod and that nobody declared."""

from __future__ import annotations

from raymesh.platform.kube import Kube

# Its child goes on listening after the call has returned, and ends by itself.
LISTEN = """
import os, signal, socket
server = socket.create_server(("0.0.0.0", 0))
print(server.getsockname()[1], flush=True)
if os.fork() == 0:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    signal.alarm({seconds})
    signal.pause()
"""


def open_stray_port(kube: Kube, pod: str, container: str, *, seconds: int) -> int:
    """Let the pod listen on a random port for some seconds, and return the port."""
    return int(kube.exec(pod, ["python", "-c", LISTEN.format(seconds=seconds)], container=container).stdout)
