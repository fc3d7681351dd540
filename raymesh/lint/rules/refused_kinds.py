"""What the API server or Istio's webhook refuses of an object, whatever its kind.

tests/unit/lint/test_refused.py holds it to answers of `istioctl validate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raymesh.lint.rules.refused_entries import entry
from raymesh.lint.rules.refused_policies import authorization, peer_authentication, tokens
from raymesh.lint.rules.refused_routes import routes
from raymesh.lint.rules.refused_traffic import destination_rule, sidecar
from raymesh.lint.rules.refused_values import Wrong
from raymesh.manifests.istio_fields import unknown
from raymesh.manifests.policies import (
    AuthorizationPolicy,
    DestinationRule,
    PeerAuthentication,
    Policy,
    RequestAuthentication,
    ServiceEntry,
    Sidecar,
    VirtualService,
)
from raymesh.manifests.tree import child

_OF: Mapping[type[Policy], Callable[[Any], Wrong]] = {
    AuthorizationPolicy: authorization,
    PeerAuthentication: peer_authentication,
    RequestAuthentication: tokens,
    Sidecar: sidecar,
    DestinationRule: destination_rule,
    VirtualService: routes,
    ServiceEntry: entry,
}


def refusals(policy: Policy) -> Wrong:
    """Where an object is refused, for what, and the cure. What it says is looked at once its form is right."""
    formed = True
    for where, what in unknown(policy.doc, type(policy).__name__, child(policy.root, "spec")):
        formed = False
        yield where, what, "what Istio has there, or none"
    if formed:
        yield from _OF[type(policy)](policy)
