"""What is proven: a Ray cluster in a mesh. Its names, ports and pods are asked of it; none is a constant elsewhere."""

from raymesh.subject.model import (
    CLUSTER_LABEL,
    GROUP_LABEL,
    HEAD_GROUP,
    ROLES,
    TYPE_LABEL,
    RayPod,
    Subject,
    by_role,
    dashed,
    head_of,
)

__all__ = [
    "CLUSTER_LABEL",
    "GROUP_LABEL",
    "HEAD_GROUP",
    "ROLES",
    "TYPE_LABEL",
    "RayPod",
    "Subject",
    "by_role",
    "dashed",
    "head_of",
]
