"""Why the API server or a node does not take a pod: read from its own words, with what to do about it.

The words are those of Kubernetes 1.29.15, 1.34.11 and 1.36.4: plugin/pkg/admission (limitranger, serviceaccount,
priority, runtimeclass), pkg/kubelet/images, pkg/quota, and of the modules k8s.io/pod-security-admission and
k8s.io/apiserver (pkg/admission/plugin, pkg/util/webhook).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SHOWN_CHARS = 900
INJECTOR = "sidecar-injector.istio.io"


@dataclass(frozen=True)
class Refusal:
    """What was refused, in the words of who refused it, and the cure."""

    cause: str
    cure: str

    def __str__(self) -> str:
        return f"{self.cause}\n  cure: {self.cure}"


# The first one whose pattern is in the text holds. What is more special stands first.
CURES: tuple[tuple[str, str], ...] = (
    (
        r"exceeded quota: ",
        "raise that ResourceQuota, or ask for less: fewer pods, smaller requests (a sidecar asks for some, too)",
    ),
    (
        r"failed quota: .*must specify",
        "the ResourceQuota wants requests and limits of every container: write them into the pod templates, or make a "
        "LimitRange with defaults, which sidecars and raymesh's own pods get as well",
    ),
    (
        r"(maximum|minimum) [\w./-]+ usage per|max limit to request ratio per",
        "the LimitRange of the namespace does not let it: change what the pod template asks for, or the LimitRange",
    ),
    (
        r'violates PodSecurity "(baseline|restricted).*(istio-init|NET_ADMIN)',
        "istio-init of every sidecar needs NET_ADMIN and NET_RAW: install Istio with its CNI plugin, which needs no "
        "such container, or let the namespace enforce `privileged`",
    ),
    (
        r'violates PodSecurity "[^"]*": host namespaces',
        "pods that listen to packets take the node's network and CAP_NET_RAW: leave --wire away, or let the namespace "
        "enforce `privileged`",
    ),
    (
        r"violates PodSecurity ",
        "write the securityContext that is asked for into the pod templates (runAsNonRoot, allowPrivilegeEscalation "
        "false, drop ALL, seccompProfile RuntimeDefault), or let the namespace enforce less",
    ),
    (
        rf'failed calling webhook "[^"]*{INJECTOR}',
        "no sidecar can be injected: istiod must run, and the API server must reach it (port 15017 of its pods)",
    ),
    (
        rf'webhook "[^"]*{INJECTOR}" denied',
        "no sidecar can be injected into this pod: look at its annotations, and at istiod's log",
    ),
    (
        r"failed calling webhook ",
        "the webhook must answer the API server: start its pods again, or take its webhook configuration away",
    ),
    (
        r"admission webhook .* denied the request|ValidatingAdmissionPolicy .* denied request",
        "a policy of the cluster does not let it: change the manifests as it says, or ask its owner for an exception",
    ),
    (r'serviceaccount "?[\w.-]+"? not found', "put that ServiceAccount into the manifests, or name another one"),
    (r"no PriorityClass with name", "make that PriorityClass, or take priorityClassName out of the pod template"),
    (r"RuntimeClass .*not found", "make that RuntimeClass, or take runtimeClassName out of the pod template"),
    (
        r"because it is being terminated",
        "the namespace goes: wait until it is gone, or take another one with --namespace",
    ),
    (
        r"cannot (create|get|list|patch|delete|watch|update) resource|is forbidden: User ",
        "whoever runs this lacks the right: bind the roles in manifests/rbac/",
    ),
    (
        r"ErrImageNeverPull|is not present with pull policy of Never",
        "bring the image to the nodes, or let it be pulled",
    ),
    (
        r"ImagePullBackOff|ErrImagePull|InvalidImageName|Failed to pull image|pull access denied|manifest unknown",
        "name an image that the nodes can pull, with imagePullSecrets where its registry wants a login",
    ),
    (
        r"\d+/\d+ nodes are available|not scheduled: ",
        "make room on the nodes, or ask for less: see requests, nodeSelector, affinity and tolerations of the template",
    ),
    (
        r'MountVolume\.SetUp failed|(configmap|secret)s? "[^"]+" not found|non-existent|CreateContainerConfigError',
        "put what the pod mounts or names into the manifests: a ConfigMap or Secret is missing",
    ),
    (
        r"\bUnauthorized\b|[Mm]ust be logged in|[Tt]oken (has|is) expired|credentials? .*expired|getting credentials",
        "log in again: the credentials of this context are not taken any more",
    ),
    (
        r"x509: |certificate signed by unknown authority",
        "the context's certificate-authority is not that of this API server: get a new kubeconfig",
    ),
    (
        r"onnection to the server .* was refused|Unable to connect to the server|Failed to establish a new connection"
        r"|no route to host|no such host|i/o timeout|TLS handshake timeout|Max retries exceeded|Read timed out",
        "the API server must answer from here: see whether the cluster is still there (`kubectl get --raw /version`)",
    ),
    (r"is invalid: ", "mend that field of the manifests"),
)
# How kubectl begins the lines that are its own; others are of what it ran.
KUBECTL = ("Error from server", "error: ", "Error: ", "The connection to the server", "Unable to connect to the server")


def read(text: str) -> Refusal | None:
    """Return the refusal that a text of the API server, of an event or of a pod's state tells of, None for none."""
    for pattern, cure in CURES:
        found = re.search(pattern, text, re.DOTALL)
        if found:
            return Refusal(_cause(text), cure)
    return None


def of_kubectl(printed: str) -> Refusal | None:
    """Return the refusal in what kubectl printed; what a program in a pod printed through it is none."""
    lines = [line.strip(" |") for line in printed.splitlines()]  # an error of ours puts a bar before each
    return read("\n".join(line for line in lines if line.startswith(KUBECTL)))


def explained(text: str) -> str:
    """Return a text with its cure, where one is known."""
    found = read(text)
    return str(found) if found else _cause(text)


def _cause(text: str) -> str:
    """The text in one line; KubeRay and kubectl wrap it in words of their own, which stay."""
    words = " ".join(text.split())
    return words if len(words) <= SHOWN_CHARS else f"{words[:SHOWN_CHARS]} ..."
