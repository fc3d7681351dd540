"""Every verdict, once: its id, its title, what it claims, and whose word it takes.

An id is never reused; one that is retired stays in RETIRED. Findings, faults, reports, pages and tests name a verdict
by its constant here. Which fault turns it red on a cluster is in raymesh/faults; docs/verdicts/ is made from both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

KUBERNETES, RAY, KIALI, JAEGER = "Kubernetes", "Ray", "Kiali", "Jaeger"
PROMETHEUS, ENVOY, PROBE, SOCKETS = "Prometheus", "Envoy", "probe", "sockets"
WIRE = "the wire"


@dataclass(frozen=True, order=True)
class Verdict:
    """One question that is asked of the mesh. `sources` are the witnesses whose word it takes, the first one above all.

    Kiali reads Prometheus, and Prometheus reads what the sidecars count: a verdict on Kiali's graph names all three.
    Jaeger's spans are written by the sidecars.
    """

    id: str
    title: str
    claim: str
    sources: tuple[str, ...]
    hidden: str = ""  # what it can't see, and which verdict covers that

    def __str__(self) -> str:
        return f"{self.id} {self.title}"


RETIRED: Mapping[str, str] = {}  # id -> why it went
_KNOWN: dict[str, Verdict] = {}


def _verdict(id: str, title: str, claim: str, *sources: str, hidden: str = "") -> Verdict:  # noqa: A002 - the field's name
    if id in _KNOWN or id in RETIRED:
        raise ValueError(f"{id} stands in the catalogue twice")
    made = Verdict(id, title, claim, sources, hidden)
    _KNOWN[id] = made
    return made


# V0: the looking itself
HELD = _verdict(
    "V001",
    "green several times in a row",
    "What was green stayed green for as many looks in a row as were asked for, before the deadline.",
    PROBE,
)
ANSWERS = _verdict("V002", "every witness answers", "No witness was silent when the deadline passed.", PROBE)

# V1: the platform
READY = _verdict("V101", "every pod is Ready", "Every pod of the cluster is Ready and none is going.", KUBERNETES)
VERSIONS = _verdict(
    "V102",
    "each program is of the lane's version",
    "Kubernetes' API server and kubelets, istiod, the KubeRay operator, Ray, each Ray pod's Envoy, Kiali, Jaeger and "
    "Prometheus report the versions of the lane.",
    "the programs themselves",
    hidden="KubeRay's operator gives no version of itself, so the tag of its image is read. Which Envoy is in "
    "Istio's own proxy, no lane says.",
)
COUNTED = _verdict(
    "V103",
    "the Ray cluster has its pods",
    "Each group has just the pods that it asks for, and nothing else is behind the headless Service.",
    KUBERNETES,
)
SIDECARS = _verdict("V104", "a sidecar in each Ray pod", "Every Ray pod runs the container istio-proxy.", KUBERNETES)
NO_INIT = _verdict(
    "V105",
    "no wait-gcs-ready init container",
    "No Ray pod has KubeRay's init container, which would wait for a GCS that it can't reach without a sidecar.",
    KUBERNETES,
)
REGISTERED = _verdict(
    "V106",
    "each Ray node is registered under its pod's FQDN",
    "The nodes that are alive by Ray's own word are just the Ray pods, each by its name in the headless Service.",
    RAY,
)
RAY_TLS_OFF = _verdict(
    "V107",
    "Ray's own TLS is off",
    "RAY_USE_TLS is off in the pod's definition and in the environment of the process itself, wherever it comes from: "
    "with it on, the mesh would get the credit.",
    KUBERNETES,
    "/proc of the Ray container",
)
INTERCEPTED = _verdict(
    "V108",
    "nothing of a Ray pod is kept from its sidecar",
    "No annotation or setting takes ports or addresses out of the sidecar: includes, excludes, interception mode, "
    "host network.",
    KUBERNETES,
    "the pod's own redirect rules",
)

# V2: mTLS by Kiali
KIALI_SIDECARS = _verdict(
    "V201",
    "Kiali sees a sidecar in each pod",
    "The workload has its pods, each with a ready sidecar.",
    KIALI,
    hidden="Kiali reads it from the pods' definitions, as V104 does. Whether the sidecar has the traffic is for "
    "V108 and V603.",
)
KIALI_RATE = _verdict(
    "V202",
    "gRPC traffic of the workload with itself",
    "Kiali draws the gRPC self-edge, above a floor of calls a second.",
    KIALI,
    PROMETHEUS,
    ENVOY,
    hidden="A rate is over all pods together: V301 asks each pod by itself.",
)
KIALI_MTLS = _verdict(
    "V203",
    "the self-edges are mTLS",
    "Every edge of the workload with itself, of any protocol, is at 100 % mTLS.",
    KIALI,
    PROMETHEUS,
    ENVOY,
    hidden="Kiali rounds to whole percents and keeps one rate a pair of nodes, so one call in 200 can hide: V302 "
    "counts every single one, and V403 is the sidecars' own word.",
)
KIALI_IDENTITIES = _verdict(
    "V204",
    "every edge has known identities at both ends",
    "Each end of each edge into or out of the subject is a service account of the subject or of somebody named.",
    KIALI,
    PROMETHEUS,
    ENVOY,
    hidden="Kiali keeps one principal an edge: V504 and V505 show that no other certificate gets in.",
)
KIALI_EDGES = _verdict(
    "V205",
    "no edge below 100 % mTLS",
    "Not one edge of the namespace is below 100 %.",
    KIALI,
    PROMETHEUS,
    ENVOY,
    hidden="As V203: rounding, and one rate a pair of nodes. V302 has neither.",
)
KIALI_LEAKS = _verdict(
    "V206",
    "nothing leaves the mesh",
    "No node is PassthroughCluster, InboundPassthroughCluster or BlackHoleCluster: Istio knows every peer.",
    KIALI,
    PROMETHEUS,
    ENVOY,
    hidden="What goes past the sidecars is not in Kiali's graph: V603.",
)
KIALI_TLS = _verdict(
    "V207",
    "mTLS is demanded in the namespace",
    "By Istio's configuration the namespace is MTLS_ENABLED, with automatic mTLS and a minimum of TLS 1.3.",
    KIALI,
    hidden="It is configuration, not traffic: V302 counts what came in, V501 knocks.",
)
KIALI_VALID = _verdict("V208", "Istio's configuration is valid", "Kiali has no error about any Istio object.", KIALI)
KIALI_ERRORS = _verdict(
    "V209",
    "the calls that Kiali draws succeed",
    "Of the self-edge's gRPC calls no more fail than a bound.",
    KIALI,
    PROMETHEUS,
    ENVOY,
    hidden="A share below the bound: Ray calls drivers that have ended, so some calls fail where all is well. V305 "
    "asks each pod. Where raymesh drives no calls (beside the guide's tasks, with --no-traffic) it is not asked.",
)
KIALI_FRESH = _verdict(
    "V210", "Kiali's graph is of now", "The graph ends within a minute of the time at which it was asked for.", KIALI
)

# V3: mTLS by Prometheus
MUTUAL_GROWS = _verdict(
    "V301",
    "mutual_tls grows at every Ray pod",
    "Each Ray pod by itself received calls with mutual TLS, and sent some, while Ray worked.",
    PROMETHEUS,
    ENVOY,
    hidden="What goes past the sidecars is not counted: V603.",
)
NOTHING_ELSE = _verdict(
    "V302",
    "nothing but mutual_tls was ever received",
    "No call and no TCP connection reached a Ray pod with any other security, from its first second on.",
    PROMETHEUS,
    ENVOY,
    hidden="A TCP connection is counted once, when it opens, and what goes past the sidecars never: V603. What was "
    "counted before raymesh came to a cluster, or under an earlier fault, is forgiven; a figure says how many "
    "series that are.",
)
NO_RESTART = _verdict(
    "V303",
    "no sidecar was restarted in between",
    "Each Ray pod's sidecar says that it has been up since the first look.",
    PROMETHEUS,
    ENVOY,
)
SCRAPED = _verdict(
    "V304", "every Ray pod's sidecar is scraped", "Prometheus has each Ray pod as a target that is up.", PROMETHEUS
)
CALLS_SUCCEED = _verdict(
    "V305",
    "the calls that each sidecar counts succeed",
    "At each Ray pod no more calls fail than a bound, by the receiving sidecar.",
    PROMETHEUS,
    ENVOY,
    hidden="A share below the bound: Ray calls drivers that have ended, so some calls fail where all is well.",
)

CALLERS = _verdict(
    "V306",
    "every caller has a known identity",
    "Each series that a Ray pod received has a source identity that is the subject's or somebody's that is named.",
    PROMETHEUS,
    ENVOY,
)

# V4: mTLS by the sidecars' own Envoy
ASKED = _verdict("V401", "every Ray pod's sidecar answers", "Each Ray pod's Envoy admin interface answered.", ENVOY)
HANDSHAKES = _verdict(
    "V402",
    "TLS 1.3 handshakes only",
    "Each sidecar made TLS 1.3 handshakes, and none of another version.",
    ENVOY,
    hidden="It counts whoever shook hands, a probe too: V301 counts calls.",
)
CHAINS = _verdict(
    "V403",
    "no inbound chain without mTLS",
    "Each inbound chain has TLS 1.3, and demands a client certificate.",
    ENVOY,
    hidden="It is what is loaded, not what a client meets: V501 to V505 knock.",
)
TRUST = _verdict(
    "V404",
    "each inbound chain checks against the mesh's CA",
    "Each inbound chain validates the client's certificate with the mesh's root, and takes no untrusted one.",
    ENVOY,
    hidden="It is what is loaded, not what a client meets: V504 and V505 knock.",
)
OUTBOUND = _verdict(
    "V405",
    "each outbound cluster to Ray's ports uses mTLS",
    "What a sidecar sends to the headless Service carries the pod's certificate and checks the other's.",
    ENVOY,
    hidden="It is what is loaded, not what was sent: V301 and V302 count what arrived.",
)

# V5: refusal, by clients that knock at every port that listens in a Ray pod
PLAINTEXT_REFUSED = _verdict(
    "V501",
    "plaintext is refused",
    "Every listening port ends a plaintext connection, opened in the words that the port speaks, without a byte in "
    "return.",
    PROBE,
    hidden="An application that ends such connections by itself looks the same: V503 and V506 show that it is the "
    "mesh's TLS. A port that opens after the knocking: V508 says whether all that listened by then were tried.",
)
TLS12_REFUSED = _verdict(
    "V502",
    "TLS 1.2 is refused",
    "At every listening port a client with the mesh's own certificate that offers TLS 1.2 alone gets the alert "
    "protocol_version.",
    PROBE,
    hidden="A port that opens after the knocking. V508 says whether all that listened by then were tried.",
)
NO_CERTIFICATE_REFUSED = _verdict(
    "V503",
    "TLS without a certificate is refused",
    "At every listening port a client without a certificate gets the alert certificate_required.",
    PROBE,
    hidden="A port that opens after the knocking. V508 says whether all that listened by then were tried.",
)
SELF_SIGNED_REFUSED = _verdict(
    "V504",
    "a self-signed certificate is refused",
    "At every listening port a self-signed certificate with the right SPIFFE name gets an alert that names the "
    "certificate or its signature.",
    PROBE,
    hidden="A port that opens after the knocking. V508 says whether all that listened by then were tried.",
)
FOREIGN_REFUSED = _verdict(
    "V505",
    "a certificate of a foreign CA is refused",
    "At every listening port a certificate with the right SPIFFE name, from a CA with the name and key identifier of "
    "the mesh's own, gets an alert that names the certificate or its signature.",
    PROBE,
    hidden="A port that opens after the knocking. V508 says whether all that listened by then were tried.",
)
BEARER_SERVED = _verdict(
    "V506",
    "the mesh's certificate is served over TLS 1.3",
    "The client of V502 with TLS 1.3 completes the handshake at the same ports and is answered; at a port of which "
    "it is not known what it speaks, the connection stays up.",
    PROBE,
)
INSIDER_SERVED = _verdict(
    "V507",
    "connections from pods inside the mesh succeed",
    "A pod with a sidecar is answered by the application, not by Envoy, at every port that always serves.",
    PROBE,
    hidden="Worker ports come and go with their processes, so they are not asked.",
)
ALL_TRIED = _verdict(
    "V508",
    "every listening port was tried",
    "Each port that listens in a Ray pod was knocked at by every client, and none of them failed on its own account.",
    PROBE,
    SOCKETS,
    hidden="A port that opens only later: V601 looks at the sockets again, the last time at the end.",
)

# V6: ports
LISTENING = _verdict(
    "V601",
    "every listening port is declared or named, and Ray's",
    "Each TCP port that listens is in the port contract and held by one of Ray's own programs or by the sidecar.",
    SOCKETS,
    hidden="A port that opens and closes between two looks.",
)
UDP = _verdict(
    "V602",
    "no UDP port is open",
    "No UDP socket waits for packets in a Ray pod: no mesh sees them.",
    SOCKETS,
    hidden="A socket that comes and goes between two looks.",
)
BYPASS = _verdict(
    "V603",
    "no connection goes past the sidecars",
    "No connection between a Ray pod and another pod is held by Ray's programs alone at either end.",
    SOCKETS,
    hidden="A connection that comes and goes between two looks. One whose other end nobody in the other pod holds is "
    "none: nothing goes over what a sidecar ended and Ray has not heard of. V901 sees the packets.",
)
CROSSED = _verdict(
    "V604",
    "the traffic crossed each port in each direction",
    "Each port was crossed from head to worker and from worker to head as the contract says.",
    JAEGER,
    ENVOY,
    hidden="A port that is declared tcp leaves no trace: who crossed it is told by the dialling sidecar's count of "
    "connections.",
)
DECLARED = _verdict(
    "V605",
    "each port is seen as the protocol that was declared",
    "The mesh saw the traffic of each port as the appProtocol that the contract has for it, and as nothing else.",
    JAEGER,
    ENVOY,
)

# V7: traces by Jaeger
KNOWN = _verdict(
    "V701", "the service has traces of this run", "Jaeger knows the service, with spans of its pods.", JAEGER, ENVOY
)
GRPC_NODE_MANAGER = _verdict(
    "V702",
    "gRPC on node-manager-port",
    "Ray's NodeManagerService is called across nodes, seen by both sidecars.",
    JAEGER,
    ENVOY,
)
GRPC_OBJECT_MANAGER = _verdict(
    "V703",
    "gRPC on object-manager-port",
    "Ray's ObjectManagerService is called across nodes in each direction, seen by both sidecars.",
    JAEGER,
    ENVOY,
)
GRPC_WORKERS = _verdict(
    "V704",
    "gRPC on the worker ports",
    "Ray's CoreWorkerService is called across nodes in each direction, seen by both sidecars.",
    JAEGER,
    ENVOY,
)
HTTP_AGENT = _verdict(
    "V705",
    "HTTP on dashboard-agent-listen-port",
    "The dashboard agents are asked over HTTP, seen by both sidecars.",
    JAEGER,
    ENVOY,
)
EVERY_CALL = _verdict(
    "V706",
    "every call is traced",
    "Of the calls that each receiving sidecar counted, at least 95 % are in Jaeger.",
    JAEGER,
    ENVOY,
    hidden="To the mesh a port that is declared tcp carries bytes and no calls, so calls to the GCS are neither "
    "counted nor traced.",
)
PEERS = _verdict(
    "V707",
    "both ends of every traced call are known",
    "Each span of the service was written by a Ray pod or a pod that is named, and so was the other side's.",
    JAEGER,
    ENVOY,
)

# V8: the work itself
WORKED = _verdict(
    "V801", "every Ray node worked", "Tasks, actors, objects and logs were had from each node, by Ray's own word.", RAY
)
JOB = _verdict(
    "V802",
    "a job's driver ran on the worker",
    "A job ended well, and its driver names the worker as its own node.",
    RAY,
)
GUIDE = _verdict(
    "V803",
    "the guide's tasks all printed",
    "The guide's one-liner ended well and printed a line for each of its tasks.",
    RAY,
)
OWN_JOB = _verdict(
    "V804",
    "the RayJob reached its end",
    "Ray calls the job succeeded, KubeRay the RayJob complete, and the pod that submitted it has ended.",
    KUBERNETES,
    RAY,
)
SERVED = _verdict(
    "V805",
    "Serve answers through its Service",
    "Every application of the RayService runs, every Ray pod is behind its serve Service, and calls through that from "
    "inside the mesh are answered by Serve itself.",
    PROBE,
    KUBERNETES,
    hidden="Which pod answers a call is Envoy's choice: a pod of which the calls were few may not have been asked.",
)

# V9: packets, as they leave and reach the Ray pods
WIRE_SEEN = _verdict(
    "V901",
    "packets of every Ray pod were seen",
    "While Ray worked each Ray pod sent bytes to another, new connections were made, and no packet was missed: what "
    "the kernels of the pods counted on their connections meanwhile is among what was seen, or they were idle.",
    WIRE,
    hidden="Some seconds are looked at. What goes between containers of one pod never leaves it. A connection that "
    "begins and ends between two looks at the sockets is on the wire alone.",
)
WIRE_TLS = _verdict(
    "V902",
    "every connection on the wire is TLS 1.3",
    "Every TCP connection between Ray pods that began then begins with a TLS ClientHello and chose TLS 1.3; one that "
    "was there before carries TLS records and nothing else.",
    WIRE,
    hidden="Whose certificate is shown is encrypted: V404 and V501 to V505. The version of a connection that was there "
    "before: V402 counts every handshake.",
)
WIRE_CLEAR = _verdict(
    "V903",
    "nothing of Ray can be read on the wire",
    "In no packet between Ray pods is a preface of HTTP/2, a path of Ray's gRPC, HTTP/1, Redis or pickle.",
    WIRE,
    hidden="Words are looked for, so what has none of them passes: V902 demands TLS of every byte.",
)
WIRE_OTHERS = _verdict(
    "V904",
    "nothing but TCP goes between Ray pods",
    "Between Ray pods there is no packet of UDP or of any other protocol than TCP.",
    WIRE,
    hidden="What is sent only at other times: V602 has the sockets that wait for it.",
)

VERDICTS: Mapping[str, Verdict] = _KNOWN
