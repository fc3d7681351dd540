"""An API server on loopback that keeps objects in memory: kubectl and the official client are asked for real.

It discovers, lists, makes, changes and deletes; it refuses what it is told to refuse, and writes down every call as
RBAC names it. It runs nothing: `exec` and `port-forward` end in an error, after they were written down.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from raymesh.platform.kube import Kube

Doc = dict[str, Any]
CONTEXT = "staging"
# Group, version, plural, kind, whether it lies in a namespace.
KINDS = (
    ("", "v1", "namespaces", "Namespace", False),
    ("", "v1", "nodes", "Node", False),
    *(
        ("", "v1", plural, kind, True)
        for plural, kind in (
            ("pods", "Pod"),
            ("services", "Service"),
            ("configmaps", "ConfigMap"),
            ("secrets", "Secret"),
            ("serviceaccounts", "ServiceAccount"),
            ("events", "Event"),
            ("resourcequotas", "ResourceQuota"),
            ("limitranges", "LimitRange"),
            ("endpoints", "Endpoints"),
        )
    ),
    ("batch", "v1", "jobs", "Job", True),
    *(("ray.io", "v1", f"{kind.lower()}s", kind, True) for kind in ("RayCluster", "RayJob", "RayService")),
    ("security.istio.io", "v1", "peerauthentications", "PeerAuthentication", True),
    ("security.istio.io", "v1", "authorizationpolicies", "AuthorizationPolicy", True),
    ("telemetry.istio.io", "v1", "telemetries", "Telemetry", True),
    ("networking.istio.io", "v1", "destinationrules", "DestinationRule", True),
    ("networking.istio.io", "v1", "sidecars", "Sidecar", True),
    ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True),
    ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False),
)
PLURALS = {(group, plural): (version, kind, spaced) for group, version, plural, kind, spaced in KINDS}
VERSION = {
    **{
        "major": "1",
        "minor": "31",
        "gitVersion": "v1.31.0",
        "gitCommit": "x",
        "gitTreeState": "clean",
        "buildDate": "x",
    },
    **{"goVersion": "x", "compiler": "gc", "platform": "linux/amd64"},
}
# The versions of Istio's kinds in manifests are older ones.
VERSIONS = {group: tuple(dict.fromkeys(v for g, v, *_ in KINDS if g == group)) for group, *_ in KINDS}
OLDER = {"security.istio.io": "v1beta1", "networking.istio.io": "v1beta1"}
PATH = re.compile(r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<space>[^/]+)(?=/))?/(?P<rest>.+)")


@dataclass(frozen=True)
class Call:
    """A call as RBAC judges it."""

    verb: str
    group: str
    resource: str  # with its subresource
    namespace: str


@dataclass(frozen=True)
class Answer:
    """What the server says instead of what it would."""

    code: int
    message: str
    reason: str = ""


@dataclass
class Api:
    """The server's state: objects, calls, and what it refuses.

    `refused` is by verb and resource ("create pods"), `*` for everything. `denied` are those that an access review
    denies. `allowed`, where it is not None, are the only calls that are served.
    """

    url: str = ""
    objects: dict[tuple[str, str, str, str], Doc] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    refused: dict[str, Answer] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    lingers: bool = False  # what is deleted goes when somebody watches it, as a pod does that ends
    kept: set[tuple[str, str]] = field(default_factory=set)  # plural and name of what a finalizer keeps
    made: int = 0

    def put(self, *docs: Doc) -> None:
        """Have objects, as if somebody had made them."""
        for doc in docs:
            group = doc["apiVersion"].rpartition("/")[0]
            plural, spaced = next((p, s) for g, _, p, k, s in KINDS if (g, k) == (group, doc["kind"]))
            self.keep(group, plural, doc["metadata"].get("namespace", "default") if spaced else "", doc)

    def keep(self, group: str, plural: str, space: str, doc: Doc) -> Doc:
        """Keep an object, with what a server writes into it."""
        self.made += 1
        there = copy.deepcopy(doc)
        meta = there["metadata"]
        meta |= {"resourceVersion": str(self.made), **({"namespace": space} if space else {})}
        meta.setdefault("uid", f"uid-{self.made}")
        meta.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        self.objects[group, plural, space, meta["name"]] = there
        return there

    def used(self) -> set[tuple[str, str, str]]:
        """Return verb, group and resource of every call."""
        return {(call.verb, call.group, call.resource) for call in self.calls}


@dataclass(frozen=True)
class _Asked:
    """A request for objects."""

    method: str
    group: str
    space: str
    plural: str
    name: str
    part: str  # subresource
    query: Mapping[str, str]
    body: Any

    @property
    def verb(self) -> str:
        if self.method == "GET":
            return "get" if self.name else "watch" if self.query.get("watch") in ("true", "1") else "list"
        if self.method == "DELETE":
            return "delete" if self.name else "deletecollection"
        return {"POST": "create", "PATCH": "patch", "PUT": "update"}[self.method]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    api: Api

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""

    def _serve(self, method: str) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length and method != "DELETE" else None
        if method == "DELETE" and length:
            self.rfile.read(length)
        if answer := self.api.refused.get("*"):
            self._refuse(answer)
            return
        found = self._discovered(url.path)
        if found is not None:
            self._json(200, found)
            return
        matched = PATH.fullmatch(url.path)
        if not matched:
            self._refuse(Answer(404, f"no such path {url.path}", "NotFound"))
            return
        group, space = matched["group"] or "", matched["space"] or ""
        plural, name, part = (*matched["rest"].split("/"), "", "")[:3]
        self._resource(_Asked(method, group, space, plural, name, part, query, body))

    def _resource(self, asked: _Asked) -> None:
        group, plural, space, name = asked.group, asked.plural, asked.space, asked.name
        if (group, plural) not in PLURALS:
            self._refuse(Answer(404, "the server could not find the requested resource", "NotFound"))
            return
        resource = f"{plural}/{asked.part}" if asked.part else plural
        self.api.calls.append(Call(asked.verb, group, resource, space))
        answer = self.api.refused.get(f"{asked.verb} {resource}") or self.api.refused.get(f"* {resource}")
        if answer:
            self._refuse(answer)
        elif plural == "selfsubjectaccessreviews":
            right = asked.body["spec"]["resourceAttributes"]
            kind = "/".join(filter(None, (right["resource"], right.get("subresource"))))
            self._json(201, {**asked.body, "status": {"allowed": f"{right['verb']} {kind}" not in self.api.denied}})
        elif asked.part == "log":
            self._text(200, "")
        elif asked.part:
            self._refuse(Answer(400, "this server runs nothing", "BadRequest"))
        elif asked.method == "GET" and name:
            self._one(group, plural, space, name)
        elif asked.verb == "watch":
            self._watch(group, plural, space, asked.query)
        elif asked.method == "GET":
            self._many(group, plural, space, asked.query)
        elif asked.method == "DELETE":
            self._delete(group, plural, space, name)
        else:
            self._write(asked)

    def _one(self, group: str, plural: str, space: str, name: str) -> None:
        doc = self.api.objects.get((group, plural, space, name))
        if doc is None:
            self._refuse(Answer(404, f'{plural} "{name}" not found', "NotFound"))
        else:
            self._json(200, doc)

    def _many(self, group: str, plural: str, space: str, query: Mapping[str, str]) -> None:
        version, kind, _ = PLURALS[group, plural]
        items = [
            doc
            for (g, p, s, _), doc in sorted(self.api.objects.items())
            if (g, p) == (group, plural) and space in ("", s) and _chosen(doc, query)
        ]
        self._json(200, {"apiVersion": _named(group, version), "kind": f"{kind}List", "metadata": {}, "items": items})

    def _watch(self, group: str, plural: str, space: str, query: Mapping[str, str]) -> None:
        """Tell that what is watched is gone, and let it go."""
        going = [
            key for key, doc in self.api.objects.items()
            if key[:2] == (group, plural) and space in ("", key[2]) and _chosen(doc, query)
        ]  # fmt: skip
        told = [{"type": "DELETED", "object": self.api.objects.pop(key)} for key in going]
        self._text(200, "".join(json.dumps(one) + "\n" for one in told), "application/json")

    def _delete(self, group: str, plural: str, space: str, name: str) -> None:
        gone = [key for key in self.api.objects if key[:3] == (group, plural, space) and name in ("", key[3])]
        if plural == "namespaces":
            gone += [key for key in self.api.objects if key[2] == name]
        for key in gone:
            if not self.api.lingers and (key[1], key[3]) not in self.api.kept:
                del self.api.objects[key]
        if gone or not name:
            self._json(200, {"apiVersion": "v1", "kind": "Status", "status": "Success"})
        else:
            self._refuse(Answer(404, f'{plural} "{name}" not found', "NotFound"))

    def _write(self, asked: _Asked) -> None:
        kind, name, body = (asked.group, asked.plural, asked.space), asked.name, asked.body
        if asked.method == "POST" and (*kind, body["metadata"]["name"]) in self.api.objects:
            self._refuse(Answer(409, f'{asked.plural} "{body["metadata"]["name"]}" already exists', "AlreadyExists"))
            return
        if asked.method == "PATCH":
            body = _merged(self.api.objects.get((*kind, name), {"metadata": {"name": name}}), body)
        if "dryRun" in asked.query:
            self._json(201, body)
        else:
            self._json(201 if asked.method == "POST" else 200, self.api.keep(*kind, body))

    def _discovered(self, path: str) -> Doc | None:
        """What a server says of itself; None for a path of its objects."""
        places = {"api/v1": "", **{f"apis/{group}/{v}": group for group in VERSIONS if group for v in _versions(group)}}
        fixed: dict[str, Doc] = {
            **dict.fromkeys(("/version", "/version/"), VERSION),
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {
                "kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in VERSIONS if name],
            },
            "/openapi/v3": {"paths": {one: {"serverRelativeURL": f"/openapi/v3/{one}"} for one in places}},
        }  # fmt: skip
        for place, group in places.items():
            version = place.partition("/")[2]
            fixed[f"/{place}"] = {
                "kind": "APIResourceList", "groupVersion": version, "resources": _resources(group),
            }  # fmt: skip
            fixed[f"/openapi/v3/{place}"] = _openapi(place)
        return fixed.get(path)

    def _refuse(self, answer: Answer) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": answer.code}
        self._json(answer.code, {**status, "message": answer.message, "reason": answer.reason})

    def _json(self, code: int, doc: Any) -> None:
        self._text(code, json.dumps(doc), "application/json")

    def _text(self, code: int, text: str, kind: str = "text/plain") -> None:
        data = text.encode()
        self.send_response(code)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _chosen(doc: Doc, query: Mapping[str, str]) -> bool:
    labels = doc["metadata"].get("labels") or {}
    wanted = query.get("labelSelector", "")
    several = re.fullmatch(r"([\w./-]+) in \(([^)]*)\)", wanted)
    if several:
        return labels.get(several[1]) in [word.strip() for word in several[2].split(",")]
    for part in filter(None, wanted.split(",")):
        key, equals, value = part.replace("==", "=").partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    for part in filter(None, query.get("fieldSelector", "").split(",")):
        key, _, value = part.partition("=")
        place: Any = doc
        for word in key.split("."):
            place = (place or {}).get(word)
        if str(place or "") != value:
            return False
    return True


def _merged(doc: Any, patch: Any) -> Any:
    if not isinstance(patch, dict) or not isinstance(doc, dict):
        return patch
    merged = dict(doc)
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _named(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def _versions(group: str) -> list[str]:
    return [*VERSIONS[group], *([OLDER[group]] if group in OLDER else [])]


def _group(name: str) -> Doc:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _versions(name)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resources(group: str) -> list[Doc]:
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch", "deletecollection"]
    return [
        {"name": plural, "singularName": kind.lower(), "namespaced": spaced, "kind": kind, "verbs": verbs}
        for g, _, plural, kind, spaced in KINDS
        if g == group
    ]


def _openapi(place: str) -> Doc:
    """As much of a schema as kubectl wants to see before it leaves the checking of fields to the server."""
    group, version = ("", "v1") if place == "api/v1" else place.split("/")[1:3]
    paths = {}
    for g, _, plural, kind, _ in KINDS:
        if g == group:
            known = [{"group": group, "version": version, "kind": kind}]
            flag = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
            paths[f"/{place}/{plural}/{{name}}"] = {
                "patch": {"parameters": flag, "x-kubernetes-group-version-kind": known[0], "responses": {}}
            }
    return {"openapi": "3.0.0", "info": {"title": "x", "version": "v1"}, "paths": paths, "components": {"schemas": {}}}


@contextmanager
def serving() -> Iterator[Api]:
    """Run such a server until the block ends."""
    api = Api()
    handler = type("OfThisApi", (Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def kubeconfig(url: str, folder: Path) -> Path:
    """Write a kubeconfig whose one context leads to a server."""
    cluster, user = {"name": "c", "cluster": {"server": url}}, {"name": "u", "user": {"token": "t"}}
    context = {"name": CONTEXT, "context": {"cluster": "c", "user": "u"}}
    path = folder / "kubeconfig"
    config = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "users": [user], "contexts": [context]}
    path.write_text(yaml.safe_dump({**config, "current-context": CONTEXT}))
    return path


def kubectl() -> Path:
    """Return kubectl of this machine. It is what these tests run: without it they leave themselves out, and say so."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("there is no kubectl on PATH")
    # Some machines have one that looks for the server's version first, and then runs one of these.
    return max(Path(found).resolve().parent.glob("kubectl.1.*"), default=Path(found))


@contextmanager
def borrowed(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Api]:
    """Run such a server, to which the context of the user's own kubeconfig leads until the test ends."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "kubectl").symlink_to(kubectl())
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("KUBECACHEDIR", str(folder / "cache"))
    with serving() as api:
        config = str(kubeconfig(api.url, folder))
        monkeypatch.setenv("KUBECONFIG", config)
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", config)  # read at its import
        yield api


def cluster(api: Api, folder: Path) -> Kube:
    """Return the cluster of a server, asked by this machine's kubectl."""
    return Kube(kubeconfig(api.url, folder), kubectl(), CONTEXT)
