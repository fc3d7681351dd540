"""What objects of Istio may hold: fields by their names, what each of them is, and which exclude each other.

Read from the CRDs of istio/api 1.31 (kubernetes/customresourcedefinitions.gen.yaml); all their versions have the same.
A field that is not among them is refused by kubectl, or dropped by the API server: what it says has no effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from raymesh.manifests.istio_forms import (
    COUNT,
    PERCENT,
    SPAN,
    SWITCH,
    TEXT,
    UINT32,
    Bytes,
    Each,
    Fields,
    Form,
    Number,
    Span,
    Text,
    Values,
    Words,
    misshapen,
)
from raymesh.manifests.reading import Document
from raymesh.manifests.tree import Value

_LONG = Number(0, UINT32)
_ANY_NUMBER = Number()
_SOME = Text(1)
_LIST = Each(TEXT)


def _all(what: object, *names: str) -> dict[str, object]:
    return dict.fromkeys(names, what)


_SELECTOR: Fields = {"matchLabels": Values(TEXT)}
_LABELS: Fields = {"labels": Values(TEXT)}
_TARGET = Form(_all(TEXT, "group", "kind", "name", "namespace"), needs=("kind", "name"))
_CHOSEN: Fields = {"selector": _SELECTOR, "targetRef": _TARGET, "targetRefs": Each(_TARGET)}
_MTLS: Fields = {"mode": Words(("UNSET", "DISABLE", "PERMISSIVE", "STRICT"))}
_CAPTURE = Words(("DEFAULT", "IPTABLES", "NONE"))
_PORT: Fields = {**_all(TEXT, "name", "protocol"), **_all(_LONG, "number", "targetPort")}
_DESTINATION = Form({**_all(TEXT, "host", "subset"), "port": {"number": _LONG}}, needs=("host",))
_MATCHED = Form(_all(TEXT, "exact", "prefix", "regex"), one_of=(("exact", "prefix", "regex"),))
_SHARE: Fields = {"value": Number(whole=False)}
_CLIENT_TLS: Fields = {
    **_all(TEXT, "caCertificates", "caCrl", "clientCertificate", "credentialName", "privateKey", "sni"),
    "insecureSkipVerify": SWITCH,
    "subjectAltNames": _LIST,
    "mode": Words(("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")),
}
_SERVER_TLS = Form(
    {
        **_all(
            TEXT, "caCertCredentialName", "caCertificates", "caCrl", "credentialName", "privateKey", "serverCertificate"
        ),
        **_all(_LIST, "cipherSuites", "credentialNames", "subjectAltNames", "verifyCertificateHash"),
        **_all(_LIST, "verifyCertificateSpki"),
        **_all(SWITCH, "httpsRedirect", "insecureSkipVerify"),
        **_all(
            Words(("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")), "maxProtocolVersion", "minProtocolVersion"
        ),
        "mode": Words(("PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL")),
        "tlsCertificates": Each(_all(TEXT, "caCertificates", "privateKey", "serverCertificate")),
    },
    one_of=(("credentialName", "credentialNames"), ("tlsCertificates", "credentialNames")),
)
_POOL: Fields = {
    "http": {
        "h2UpgradePolicy": Words(("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE")),
        "http2KeepAlive": Form(_all(SPAN, "interval", "timeout"), needs=("interval", "timeout")),
        "idleTimeout": SPAN,
        "useClientProtocol": SWITCH,
        **_all(COUNT, "http1MaxPendingRequests", "http2MaxRequests", "maxConcurrentStreams", "maxRetries"),
        "maxRequestsPerConnection": COUNT,
    },
    "tcp": {
        **_all(SPAN, "connectTimeout", "maxConnectionDuration"),
        "idleTimeout": Span(zero=True),
        "maxConnections": COUNT,
        "tcpKeepalive": {**_all(SPAN, "interval", "time"), "probes": _LONG},
    },
}
_FAILOVER: Fields = {"failover": Each(_all(TEXT, "from", "to")), "failoverPriority": _LIST, "enabled": SWITCH}
_HASHED = ("httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName")
_BALANCER = Form(
    {
        "consistentHash": Form(
            {
                "httpCookie": Form(
                    {
                        **_all(TEXT, "name", "path"),
                        "ttl": None,
                        "attributes": Each(Form(_all(TEXT, "name", "value"), needs=("name",))),
                    },
                    needs=("name",),
                ),
                **_all(TEXT, "httpHeaderName", "httpQueryParameterName"),
                "maglev": {"tableSize": Number(0, 5000010)},
                "minimumRingSize": COUNT,
                "ringHash": {"minimumRingSize": COUNT},
                "useSourceIp": SWITCH,
            },
            one_of=(_HASHED, ("ringHash", "maglev")),
        ),
        "localityLbSetting": {**_FAILOVER, "distribute": Each({"from": TEXT, "to": Values(Number(1, 100))})},
        "simple": Words(("UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST")),
        "warmup": Form(
            {
                "aggression": Number(0, whole=False),
                "duration": SPAN,
                "minimumPercent": Number(0, 100, whole=False),
            },
            needs=("duration",),
        ),
        "warmupDurationSecs": SPAN,
        "zoneAwareLbSetting": {**_FAILOVER, "minClusterSize": Number(1, UINT32)},
    },
    one_of=(("simple", "consistentHash"), ("localityLbSetting", "zoneAwareLbSetting")),
)
_OUTLIER: Fields = {
    **_all(SPAN, "baseEjectionTime", "interval"),
    **_all(_LONG, "consecutive5xxErrors", "consecutiveGatewayErrors", "consecutiveLocalOriginFailures"),
    "consecutiveErrors": _ANY_NUMBER,
    **_all(PERCENT, "maxEjectionPercent", "minHealthPercent"),
    "outlierDetectionHttpErrorCodes": Each(Number(100, 599)),
    "splitExternalLocalOriginErrors": SWITCH,
}
_TRAFFIC: Fields = {
    "connectionPool": _POOL,
    "loadBalancer": _BALANCER,
    "outlierDetection": _OUTLIER,
    "tls": _CLIENT_TLS,
}
_TRAFFIC_OF_HOST = Form(
    {
        **_TRAFFIC,
        "proxyProtocol": {"version": Words(("V1", "V2"))},
        "retryBudget": {"minRetryConcurrency": _LONG, "percent": Number(0, 100, whole=False)},
        "tunnel": Form(
            {**_all(TEXT, "protocol", "targetHost"), "targetPort": _LONG}, needs=("targetHost", "targetPort")
        ),
        "portLevelSettings": Each({**_TRAFFIC, "port": {"number": _LONG}}),
    },
    one_of=(("tunnel", "proxyProtocol"),),
)
_CHANGES: Fields = {"add": Values(TEXT), "set": Values(TEXT), "remove": _LIST}
_HEADERS: Fields = {"request": _CHANGES, "response": _CHANGES}
_PLAIN_ROUTE = Form({"destination": _DESTINATION, "weight": _ANY_NUMBER}, needs=("destination",))
_HTTP_ROUTE = Form({**_PLAIN_ROUTE.fields, "headers": _HEADERS}, needs=("destination",))
_PLAIN_MATCH: Fields = {
    **_all(_LIST, "destinationSubnets", "gateways"),
    "port": _LONG,
    "sourceLabels": Values(TEXT),
    "sourceNamespace": TEXT,
}
_HTTP_MATCH: Fields = {
    **_all(_MATCHED, "authority", "method", "scheme", "uri"),
    **_all(Values(_MATCHED), "headers", "queryParams", "withoutHeaders"),
    **_all(TEXT, "name", "sourceNamespace", "statPrefix"),
    "gateways": _LIST,
    "ignoreUriCase": SWITCH,
    "port": _LONG,
    "sourceLabels": Values(TEXT),
}
_FAULT: Fields = {
    "abort": Form(
        {**_all(TEXT, "grpcStatus", "http2Error"), "httpStatus": _ANY_NUMBER, "percentage": _SHARE},
        one_of=(("grpcStatus", "http2Error", "httpStatus"),),
    ),
    "delay": Form(
        {**_all(SPAN, "exponentialDelay", "fixedDelay"), "percent": _ANY_NUMBER, "percentage": _SHARE},
        one_of=(("exponentialDelay", "fixedDelay"),),
    ),
}
_CORS: Fields = {
    **_all(_LIST, "allowHeaders", "allowMethods", "allowOrigin", "exposeHeaders"),
    "allowCredentials": SWITCH,
    "allowOrigins": Each(_MATCHED),
    "maxAge": SPAN,
    "unmatchedPreflights": Words(("UNSPECIFIED", "FORWARD", "IGNORE")),
}
_REDIRECT = Form(
    {
        **_all(TEXT, "authority", "prefixRewrite", "scheme", "uri"),
        "derivePort": Words(("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT")),
        **_all(_LONG, "port", "redirectCode"),
    },
    one_of=(("port", "derivePort"),),
)
_HTTP: Fields = {
    "corsPolicy": _CORS,
    "delegate": _all(TEXT, "name", "namespace"),
    "directResponse": Form(
        {"body": Form({"bytes": Bytes(), "string": TEXT}, one_of=(("bytes", "string"),)), "status": _LONG},
        needs=("status",),
    ),
    "fault": _FAULT,
    "headers": _HEADERS,
    "match": Each(_HTTP_MATCH),
    "mirror": _DESTINATION,
    **_all(_LONG, "mirrorPercent", "mirror_percent"),
    "mirrorPercentage": _SHARE,
    "mirrors": Each(Form({"destination": _DESTINATION, "percentage": _SHARE}, needs=("destination",))),
    "name": TEXT,
    "redirect": _REDIRECT,
    "retries": {
        "attempts": _ANY_NUMBER,
        **_all(SPAN, "backoff", "perTryTimeout"),
        "retryOn": TEXT,
        **_all(SWITCH, "retryIgnorePreviousHosts", "retryRemoteLocalities"),
    },
    "rewrite": {**_all(TEXT, "authority", "uri"), "uriRegexRewrite": _all(TEXT, "match", "rewrite")},
    "route": Each(_HTTP_ROUTE),
    "timeout": SPAN,
}
_WHO = (
    *("principals", "requestPrincipals", "namespaces", "ipBlocks", "remoteIpBlocks", "serviceAccounts"),
    "trustDomains",
)
_WHAT = ("hosts", "methods", "paths", "ports")


def _and_not(names: tuple[str, ...]) -> dict[str, object]:
    """Lists, each with its opposite."""
    return _all(Each(None), *names, *(f"not{name[0].upper()}{name[1:]}" for name in names))


KINDS: Mapping[str, object] = {
    "AuthorizationPolicy": {
        **_CHOSEN,
        "action": Words(("ALLOW", "DENY", "AUDIT", "CUSTOM")),
        "provider": _all(TEXT, "name"),
        "rules": Each(
            {
                "from": Each({"source": _and_not(_WHO)}),
                "to": Each({"operation": _and_not(_WHAT)}),
                "when": Each({"key": TEXT, **_all(Each(None), "values", "notValues")}),
            }
        ),
    },
    "PeerAuthentication": {"selector": _SELECTOR, "mtls": _MTLS, "portLevelMtls": Values(_MTLS)},
    "RequestAuthentication": {
        **_CHOSEN,
        "jwtRules": Each(
            Form(
                {
                    "forwardOriginalToken": SWITCH,
                    **_all(TEXT, "jwks", "outputPayloadToHeader"),
                    **_all(TEXT, "issuer", "jwksUri", "jwks_uri"),
                    "timeout": SPAN,
                    **_all(Each(_SOME), "audiences", "fromCookies", "fromParams", "spaceDelimitedClaims"),
                    "fromHeaders": Each(Form({"name": _SOME, "prefix": TEXT}, needs=("name",))),
                    "outputClaimToHeaders": Each(Form(_all(_SOME, "claim", "header"), needs=("claim", "header"))),
                },
                one_of=(("jwksUri", "jwks_uri", "jwks"),),
            )
        ),
    },
    "Sidecar": {
        "workloadSelector": _LABELS,
        "egress": Each({"bind": TEXT, "captureMode": _CAPTURE, "hosts": _LIST, "port": _PORT}),
        "ingress": Each(
            {
                **_all(TEXT, "bind", "defaultEndpoint"),
                "captureMode": _CAPTURE,
                "connectionPool": _POOL,
                "port": _PORT,
                "tls": _SERVER_TLS,
            }
        ),
        "inboundConnectionPool": _POOL,
        "outboundTrafficPolicy": {"egressProxy": _DESTINATION, "mode": Words(("REGISTRY_ONLY", "ALLOW_ANY"))},
    },
    "DestinationRule": {
        "exportTo": _LIST,
        "host": TEXT,
        "subsets": Each({"name": TEXT, "labels": Values(TEXT), "trafficPolicy": _TRAFFIC_OF_HOST}),
        "trafficPolicy": _TRAFFIC_OF_HOST,
        "workloadSelector": _SELECTOR,
    },
    "VirtualService": {
        **_all(_LIST, "exportTo", "gateways", "hosts"),
        "http": Each(_HTTP),
        "tcp": Each({"match": Each({**_PLAIN_MATCH, "sourceSubnet": TEXT}), "route": Each(_PLAIN_ROUTE)}),
        "tls": Each(
            Form(
                {
                    "match": Each(Form({**_PLAIN_MATCH, "sniHosts": _LIST}, needs=("sniHosts",))),
                    "route": Each(_PLAIN_ROUTE),
                },
                needs=("match",),
            )
        ),
    },
    "ServiceEntry": Form(
        {
            **_all(_LIST, "addresses", "exportTo", "hosts", "subjectAltNames"),
            "endpoints": Each(
                {
                    **_all(TEXT, "address", "locality", "network", "serviceAccount"),
                    "labels": Values(TEXT),
                    "ports": Values(Number(1, 65535)),
                    "weight": _LONG,
                }
            ),
            "location": Words(("MESH_EXTERNAL", "MESH_INTERNAL")),
            "ports": Each(_PORT),
            "resolution": Words(("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS")),
            "workloadSelector": _LABELS,
        },
        one_of=(("workloadSelector", "endpoints"),),
    ),
}


def unknown(doc: Document, kind: str, spec: yaml.Node | None) -> Iterator[tuple[Value, str]]:
    """What is wrong with the form of a spec: unknown fields and words, lists and mappings that are none."""
    if spec is not None:
        yield from misshapen(doc, spec, KINDS[kind], "spec")
