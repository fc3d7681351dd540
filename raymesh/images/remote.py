"""A container registry, asked for images over TLS (OCI distribution specification 1.1): manifests, and blobs by digest.

raymesh fetches by itself, and gives what came to the engine and to the nodes: so the private engine, which has no route
off the machine, pulls as well as any, and a CA or a login has to be told once.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from raymesh.deadlines import scaled
from raymesh.errors import EnvironmentFault
from raymesh.images.login import Login, login_of
from raymesh.images.names import HUB, HUB_API, Reference, architecture, parse
from raymesh.machine import locks, trust
from raymesh.stopping import Threads
from raymesh.waiting import wait_for

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
CONNECT_SECONDS, ANSWER_SECONDS, BLOB_SECONDS = 5.0, 30.0, 1800.0
CHUNK = 1 << 20
UNZIPPED = 3  # a layer with programs grows about so much
TRIES, PAUSE_SECONDS = 3, 1.0
LONGEST_MANIFEST = 4 << 20  # the specification lets a registry refuse longer ones
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
SHOWN_CHARS = 200


@dataclass(frozen=True)
class Blob:
    """Bytes of an image, by digest (`sha256:...`)."""

    digest: str
    size: int
    zipped: bool = False

    @property
    def file(self) -> Path:
        """Where it is kept once it was fetched."""
        return folder() / self.digest.replace(":", "-")


@dataclass(frozen=True)
class Manifest:
    """What an image is made of. `digest` is what its tag stood for: of a list of architectures the list's own."""

    reference: Reference
    digest: str
    config: Blob
    layers: tuple[Blob, ...]

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(blob.size for blob in (self.config, *self.layers))

    @property
    def unpacked(self) -> float:
        """Bytes that it takes where it runs, about."""
        return sum(blob.size * (UNZIPPED if blob.zipped else 1) for blob in self.layers)


def folder() -> Path:
    """Return where blobs are kept that were pulled, by digest, for every lane."""
    return trust.folder(trust.cache() / "pulled")


@dataclass
class Remote:
    """One registry. `ca` is a file of certificates by which its own is checked, in place of those of the machine.

    Images are had for the architecture `machine`.
    """

    host: str
    ca: Path | None = None
    machine: str = field(default_factory=architecture)
    session: requests.Session = field(default_factory=requests.Session)
    _login: Login | None = None
    _tokens: dict[str, str] = field(default_factory=dict)  # by path of the image
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def manifest(self, image: Reference) -> Manifest:
        """Return what an image is made of, for that machine. Raises EnvironmentFault where the registry has none."""
        text, kind, digest = self._document(image, image.version)
        doc = json.loads(text)
        if kind in INDEXES or "manifests" in doc:
            own = self._own(image, doc["manifests"])
            text, kind, _ = self._document(image, own)
            doc = json.loads(text)
        try:
            config, layers = _blob(doc["config"]), tuple(_blob(row) for row in doc["layers"])
        except (KeyError, TypeError, ValueError):
            raise EnvironmentFault(
                f"{image} is no image that raymesh reads: its manifest is {kind or 'of no known kind'}",
                "push it anew, in the format of OCI or Docker's version 2",
            ) from None
        return Manifest(image, digest, config, layers)

    def config(self, manifest: Manifest) -> Mapping[str, Any]:
        """Return an image's configuration."""
        found: Mapping[str, Any] = json.loads(self.blob(manifest.reference, manifest.config).read_text())
        return found

    def blob(self, image: Reference, blob: Blob) -> Path:
        """Return a blob of an image as a file, fetched where it is not there yet, and held to its digest.

        Raises EnvironmentFault.
        """
        done = blob.file
        with locks.exclusive(done.with_suffix(".lock"), what=f"a part of {image}", within=BLOB_SECONDS):
            if not done.exists():
                self._fetch(image, blob, done)
        done.with_suffix(".lock").unlink(missing_ok=True)
        return done

    def missing(self, manifest: Manifest) -> int:
        """Return the bytes of an image that are still to be fetched."""
        return sum(blob.size for blob in {manifest.config, *manifest.layers} if not blob.file.exists())

    def _fetch(self, image: Reference, blob: Blob, done: Path) -> None:
        part = done.with_suffix(".part")  # of a run that was killed: begun anew
        digest = hashlib.sha256()
        with self._answer(image, f"blobs/{blob.digest}", stream=True) as answer, part.open("wb") as file:
            try:
                for chunk in answer.iter_content(CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
            except requests.RequestException as error:
                raise EnvironmentFault(
                    f"{self.host} broke off in the middle of {image}: {error}", "run again: what is done is kept"
                ) from None
        if f"sha256:{digest.hexdigest()}" != blob.digest:
            part.unlink()
            raise EnvironmentFault(
                f"what {self.host} gave of {image} is not what its digest says: {blob.digest} is sha256:"
                f"{digest.hexdigest()}",
                "ask who runs that registry; nothing of it was used",
            )
        part.rename(done)

    def _document(self, image: Reference, version: str) -> tuple[bytes, str, str]:
        """Return a manifest's bytes, media type and digest."""
        accept = {"Accept": ", ".join((*INDEXES, *MANIFESTS))}
        with self._answer(image, f"manifests/{version}", headers=accept) as answer:
            text = answer.content[: LONGEST_MANIFEST + 1]
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
        if version.startswith("sha256:") and digest != version:
            raise EnvironmentFault(
                f"what {self.host} gave as {image} is not what its digest says: {digest}",
                "ask who runs that registry; nothing of it was used",
            )
        try:
            if not isinstance(json.loads(text), dict):
                raise ValueError("no object")
        except ValueError as error:
            raise EnvironmentFault(
                f"{self.host} answers for {image} with something else than a manifest: {error}",
                "is it a container registry, or a page to log in at?",
            ) from None
        return text, kind, digest

    def _own(self, image: Reference, rows: list[dict[str, Any]]) -> str:
        wanted, seen = self.machine, []
        for row in rows:
            there = row.get("platform") or {}
            seen.append(f"{there.get('os')}/{there.get('architecture')}")
            if (there.get("os"), there.get("architecture")) == ("linux", wanted):
                return str(row["digest"])
        raise EnvironmentFault(
            f"{image} has nothing for linux/{wanted}: {', '.join(seen)}", "mirror it with all its architectures"
        )

    @contextlib.contextmanager
    def _answer(
        self, image: Reference, what: str, *, headers: Mapping[str, str] | None = None, stream: bool = False
    ) -> Iterator[requests.Response]:
        url = f"https://{HUB_API if self.host == HUB else self.host}/v2/{image.path}/{what}"
        answer = self._get(url, {**(headers or {}), **self._authorization(image.path)}, stream=stream)
        if answer.status_code == requests.codes.unauthorized:
            answer.close()
            self._identify(image.path, answer.headers.get("WWW-Authenticate", ""))
            answer = self._get(url, {**(headers or {}), **self._authorization(image.path)}, stream=stream)
        with answer:
            if not answer.ok:
                raise self._refused(image, answer)
            yield answer

    def _get(self, url: str, headers: Mapping[str, str], *, stream: bool = False) -> requests.Response:
        """Ask, and once more where nobody answers or a server is out of sorts."""
        patience = scaled(CONNECT_SECONDS), scaled(ANSWER_SECONDS)
        tries: list[requests.Response | requests.RequestException] = []

        def ask() -> bool:
            try:
                found = self.session.get(
                    url, headers=headers, timeout=patience, stream=stream, verify=self._trusted(), auth=_plain
                )
            except requests.exceptions.SSLError as error:
                raise self._untrusted(error) from None
            except requests.RequestException as error:
                tries.append(error)
                return len(tries) >= TRIES
            tries.append(found)
            return found.status_code < requests.codes.internal_server_error or len(tries) >= TRIES

        wait_for(f"an answer of {self.host}", ask, until=bool, within=ANSWER_SECONDS * TRIES, every=PAUSE_SECONDS)
        last = tries[-1]
        if isinstance(last, requests.Response):
            return last
        raise EnvironmentFault(
            f"the registry {self.host} does not answer: {_shown(last)}",
            "check its name and the network; --registry HOST/PATH names a mirror that is reached",
        )

    def _trusted(self) -> str | bool:
        return str(self.ca) if self.ca else True

    def _identify(self, path: str, challenge: str) -> None:
        """Get what a registry that refuses wants to see: a password, or a token for one (RFC 6750)."""
        with self._lock:
            login = self._login = self._login if self._login is not None else login_of(self.host)
        told = dict(CHALLENGE.findall(challenge))
        if challenge.lower().startswith("basic"):
            if not login:
                raise self._no_login(path)
            self._tokens[path] = _basic(login)
            return
        if not told.get("realm", "").startswith("https://"):
            raise EnvironmentFault(
                f"the registry {self.host} asks for a login in a way that raymesh does not know: {challenge!r}",
                "raymesh knows Basic, and Bearer whose realm is https://",
            )
        asked = {"scope": f"repository:{path}:pull"} | ({"service": told["service"]} if "service" in told else {})
        url = requests.Request("GET", told["realm"], params=asked).prepare().url or ""
        basic = {"Authorization": _basic(login)} if login else {}
        answer = self._get(url, basic)
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise self._no_login(path)
        try:
            row = answer.json()
            self._tokens[path] = "Bearer " + (row.get("token") or row["access_token"])
        except (ValueError, KeyError, AttributeError, TypeError):
            raise EnvironmentFault(
                f"{told['realm']} gives no token for {self.host} (HTTP {answer.status_code})", "ask who runs it"
            ) from None

    def _authorization(self, path: str) -> dict[str, str]:
        return {"Authorization": self._tokens[path]} if path in self._tokens else {}

    def _no_login(self, path: str) -> EnvironmentFault:
        if self._login:
            return EnvironmentFault(
                f"the registry {self.host} refuses the login of {self._login.user} for {path}",
                f"`docker login {self.host}` as somebody who may pull it",
            )
        return EnvironmentFault(
            f"the registry {self.host} wants a login for {path}, and there is none",
            f"`docker login {self.host}`: raymesh reads what that leaves, in DOCKER_CONFIG or ~/.docker",
        )

    def _refused(self, image: Reference, answer: requests.Response) -> EnvironmentFault:
        match answer.status_code:
            case requests.codes.not_found:
                return EnvironmentFault(
                    f"{self.host} has no {image}",
                    "copy it there: `raymesh lanes --images` lists what a lane pulls and where from",
                )
            case requests.codes.unauthorized | requests.codes.forbidden:
                return self._no_login(image.path)
            case requests.codes.too_many_requests:
                return EnvironmentFault(
                    f"{self.host} gives no more images for now (HTTP 429)", f"wait, or `docker login {self.host}`"
                )
        said = answer.text[:SHOWN_CHARS].strip()
        return EnvironmentFault(
            f"{self.host} does not give {image}: HTTP {answer.status_code}: {said}", "ask who runs that registry"
        )

    def _untrusted(self, error: Exception) -> EnvironmentFault:
        if "WRONG_VERSION_NUMBER" in str(error) or "record layer failure" in str(error).lower():
            return EnvironmentFault(
                f"the registry {self.host} speaks no TLS", "raymesh pulls over TLS alone: give it a certificate"
            )
        by = f"the certificates of {self.ca}" if self.ca else "the certificates of this machine"
        return EnvironmentFault(
            f"the registry {self.host} can't be told from another by {by}: {_shown(error)}",
            "--registry-ca FILE names the certificate (PEM) of the CA that made the registry's own",
        )


def _basic(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.user}:{login.password}".encode()).decode()


def _plain(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send what was written, whatever ~/.netrc has for the host."""
    return request


def _blob(row: Mapping[str, Any]) -> Blob:
    digest = str(row["digest"])
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise ValueError(digest)
    return Blob(digest, int(row["size"]), zipped=str(row.get("mediaType", "")).endswith(("gzip", "zstd")))


def _shown(error: object) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 4]} ..."


@dataclass
class Registries:
    """Every registry of a run, each with the login for it. `ca` is told for `host` alone.

    Images are had for the architecture `machine`: that of the engine in which they run.
    """

    host: str = ""
    ca: Path | None = None
    machine: str = field(default_factory=architecture)
    _known: dict[str, Remote] = field(default_factory=dict)

    def of(self, image: Reference) -> Remote:
        """Return the registry of an image."""
        own = self.ca if image.host == self.host else None
        return self._known.setdefault(
            image.host, Remote(image.host, own, self.machine)
        )  # of several threads one makes it

    def manifests(self, images: Mapping[str, str]) -> tuple[dict[str, Manifest], dict[str, EnvironmentFault]]:
        """Ask for images, by role, all at once; return what each role's is made of, and why an image is not had."""

        def ask(image: str) -> Manifest | EnvironmentFault:
            try:
                name = parse(image)
                return self.of(name).manifest(name)
            except EnvironmentFault as error:
                return error

        with Threads(len(images)) as pool:
            answers = dict(zip(images, pool.map(ask, images.values()), strict=True))
        found = {role: one for role, one in answers.items() if isinstance(one, Manifest)}
        return found, {images[role]: one for role, one in answers.items() if isinstance(one, EnvironmentFault)}
