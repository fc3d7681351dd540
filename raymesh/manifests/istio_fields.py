"""What objects of Istio may hold: fields by their names, and the words of those that have few.

Read from the CRDs of istio/api 1.31 (kubernetes/customresourcedefinitions.gen.yaml); all their versions have the same.
A field that is not among them is refused by kubectl, or dropped by the API server: what it says has no effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import yaml

from raymesh.manifests.reading import Document
from raymesh.manifests.tree import Value, pairs


class Each(NamedTuple):
    """A list of things of one kind."""

    of: object


class Values(NamedTuple):
    """A mapping whose keys are the user's."""

    of: object


# None: a value, or what stands below is too small or too far from Ray to mistake.
Fields = Mapping[str, object]


def _free(*names: str) -> dict[str, object]:
    return dict.fromkeys(names)


def _words(*names: str) -> dict[str, object]:
    return {name: Each(None) for name in names}


_SELECTOR: Fields = {"matchLabels": Values(None)}
_LABELS: Fields = {"labels": Values(None)}
_TARGET: Fields = _free("group", "kind", "name", "namespace")
_CHOSEN: Fields = {"selector": _SELECTOR, "targetRef": _TARGET, "targetRefs": Each(_TARGET)}
_MTLS: Fields = {"mode": ("UNSET", "DISABLE", "PERMISSIVE", "STRICT")}
_CAPTURE = ("DEFAULT", "IPTABLES", "NONE")
_PORT: Fields = _free("name", "number", "protocol", "targetPort")
_DESTINATION: Fields = {**_free("host", "subset"), "port": _free("number")}
_CLIENT_TLS: Fields = {
    **_free(
        "caCertificates", "caCrl", "clientCertificate", "credentialName", "insecureSkipVerify", "privateKey", "sni"
    ),
    "subjectAltNames": Each(None),
    "mode": ("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"),
}
_TRAFFIC: Fields = {**_free("connectionPool", "loadBalancer", "outlierDetection"), "tls": _CLIENT_TLS}
_TRAFFIC_OF_HOST: Fields = {
    **_TRAFFIC,
    **_free("proxyProtocol", "retryBudget", "tunnel"),
    "portLevelSettings": Each({**_TRAFFIC, "port": _free("number")}),
}
_ROUTE: Fields = {**_free("headers", "weight"), "destination": _DESTINATION}
_MATCH = ("gateways", "port", "sourceLabels", "sourceNamespace", "destinationSubnets")
KINDS: Mapping[str, Fields] = {
    "AuthorizationPolicy": {
        **_CHOSEN,
        "action": ("ALLOW", "DENY", "AUDIT", "CUSTOM"),
        "provider": _free("name"),
        "rules": Each(
            {
                "from": Each(
                    {
                        "source": {
                            **_words("principals", "requestPrincipals", "namespaces", "ipBlocks", "remoteIpBlocks"),
                            **_words("notPrincipals", "notRequestPrincipals", "notNamespaces", "notIpBlocks"),
                            **_words("notRemoteIpBlocks", "serviceAccounts", "notServiceAccounts"),
                            **_words("trustDomains", "notTrustDomains"),
                        }
                    }
                ),
                "to": Each(
                    {
                        "operation": {
                            **_words("hosts", "methods", "paths", "ports"),
                            **_words("notHosts", "notMethods", "notPaths", "notPorts"),
                        }
                    }
                ),
                "when": Each({"key": None, **_words("values", "notValues")}),
            }
        ),
    },
    "PeerAuthentication": {"selector": _SELECTOR, "mtls": _MTLS, "portLevelMtls": Values(_MTLS)},
    "RequestAuthentication": {
        **_CHOSEN,
        "jwtRules": Each(
            {
                **_free(
                    "forwardOriginalToken", "issuer", "jwks", "jwksUri", "jwks_uri", "outputPayloadToHeader", "timeout"
                ),
                **_words("audiences", "fromCookies", "fromParams", "spaceDelimitedClaims"),
                "fromHeaders": Each(_free("name", "prefix")),
                "outputClaimToHeaders": Each(_free("claim", "header")),
            }
        ),
    },
    "Sidecar": {
        "workloadSelector": _LABELS,
        "egress": Each({"bind": None, "captureMode": _CAPTURE, "hosts": Each(None), "port": _PORT}),
        "ingress": Each(
            {**_free("bind", "connectionPool", "defaultEndpoint", "tls"), "captureMode": _CAPTURE, "port": _PORT}
        ),
        "inboundConnectionPool": None,
        "outboundTrafficPolicy": {"egressProxy": _DESTINATION, "mode": ("REGISTRY_ONLY", "ALLOW_ANY")},
    },
    "DestinationRule": {
        **_words("exportTo"),
        "host": None,
        "subsets": Each({"name": None, "labels": Values(None), "trafficPolicy": _TRAFFIC_OF_HOST}),
        "trafficPolicy": _TRAFFIC_OF_HOST,
        "workloadSelector": _SELECTOR,
    },
    "VirtualService": {
        **_words("exportTo", "gateways", "hosts"),
        "http": Each(
            {
                **_free(
                    "corsPolicy", "directResponse", "fault", "headers", "mirror", "mirrorPercent", "mirrorPercentage"
                ),
                **_free("mirror_percent", "mirrors", "name", "redirect", "retries", "rewrite", "timeout"),
                "delegate": _free("name", "namespace"),
                "match": Each(
                    _free(
                        *("authority", "gateways", "headers", "ignoreUriCase", "method", "name", "port", "queryParams"),
                        *("scheme", "sourceLabels", "sourceNamespace", "statPrefix", "uri", "withoutHeaders"),
                    )
                ),
                "route": Each(_ROUTE),
            }
        ),
        "tcp": Each({"match": Each(_free(*_MATCH, "sourceSubnet")), "route": Each(_ROUTE)}),
        "tls": Each({"match": Each(_free(*_MATCH, "sniHosts")), "route": Each(_ROUTE)}),
    },
    "ServiceEntry": {
        **_words("addresses", "exportTo", "hosts", "subjectAltNames"),
        "endpoints": Each(_free("address", "labels", "locality", "network", "ports", "serviceAccount", "weight")),
        "location": ("MESH_EXTERNAL", "MESH_INTERNAL"),
        "ports": Each(_PORT),
        "resolution": ("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"),
        "workloadSelector": _LABELS,
    },
}
_SHAPES = {"a list": yaml.SequenceNode, "a mapping": yaml.MappingNode}


def unknown(doc: Document, kind: str, spec: yaml.Node | None) -> Iterator[tuple[Value, str]]:
    """What is wrong with the form of a spec: unknown fields and words, lists and mappings that are none."""
    if spec is not None:
        yield from _unknown(doc, spec, KINDS[kind], "spec")


def _unknown(doc: Document, node: yaml.Node, known: object, where: str) -> Iterator[tuple[Value, str]]:
    if known is None or node.tag == "tag:yaml.org,2002:null":
        return
    if isinstance(known, tuple) and not isinstance(known, Each | Values):
        if not isinstance(node, yaml.ScalarNode) or node.value not in known:
            told = node.value if isinstance(node, yaml.ScalarNode) else "what is no word"
            yield Value(str(told), node, doc), f"{where} {told!r} is none of {', '.join(known)}"
        return
    wanted = "a list" if isinstance(known, Each) else "a mapping"
    if not isinstance(node, _SHAPES[wanted]):
        yield Value("", node, doc), f"{where} is not {wanted}"
    elif isinstance(known, Each):
        for element in node.value:
            yield from _unknown(doc, element, known.of, where)
    else:
        for key, value in pairs(node):
            name = str(key.value)
            if isinstance(known, Values):
                yield from _unknown(doc, value, known.of, where)
            elif isinstance(known, Mapping) and name in known:
                yield from _unknown(doc, value, known[name], name)
            else:
                yield Value(name, key, doc), f"{where} has no field {name}"
