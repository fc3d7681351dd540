"""The cluster's DNS, closed off: names outside the cluster do not exist, at once."""

from __future__ import annotations

from raymesh.platform.kube import Kube

# What kubeadm writes forwards the rest to the machine's resolver: a query would leave the cluster, or hang for seconds.
# A zone of its own for the rest, as the template plugin goes before the kubernetes plugin wherever it stands.
COREFILE = """\
cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    cache 5
    reload 2s
}
.:53 {
    template ANY ANY {
        rcode NXDOMAIN
    }
}
"""


def close_off(kube: Kube) -> None:
    """Replace CoreDNS' configuration and start it anew, unless that was done; `wait` until it serves."""
    words = ("get", "configmap", "coredns", "-n", "kube-system", "-o", "jsonpath={.data.Corefile}")
    if kube.kubectl(*words).stdout == COREFILE:
        return
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "data": {"Corefile": COREFILE},
    }
    kube.apply([config], server_side=True)
    # One replica is enough for one node; the new pod starts with the new file.
    kube.kubectl("-n", "kube-system", "scale", "deployment/coredns", "--replicas=1")
    kube.kubectl("-n", "kube-system", "rollout", "restart", "deployment/coredns")


def wait(kube: Kube, *, within: float) -> None:
    """Wait until what `close_off` started serves, alone."""
    kube.kubectl(
        *("-n", "kube-system", "rollout", "status", "deployment/coredns", f"--timeout={within:.0f}s"),
        timeout=within + 10,
    )
