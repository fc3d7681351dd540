"""A cluster, seen through kubectl and the official client."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from raymesh.deadlines import scaled
from raymesh.errors import CommandError, TerminalState
from raymesh.machine.programs import Completed, end_group, run, start
from raymesh.manifests.patching import Doc, dump
from raymesh.platform import refusals
from raymesh.platform.forward import Forward
from raymesh.platform.presence import Presence
from raymesh.ports.kuberay import SUBMITTER_CONTAINER
from raymesh.waiting import wait_for

CRASH_LOOP = "CrashLoopBackOff"
# Reasons of a waiting container that waiting does not cure.
TERMINAL_REASONS = frozenset(
    {CRASH_LOOP, "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"}
    | {"CreateContainerConfigError", "CreateContainerError"}
)
# A program may end once or twice because it came up before what it needs: KubeRay's operator does where kube-proxy is
# a second late. By the third start, half a minute on, that is no excuse.
CRASHES = 3
TERMINAL_POLLS = 3  # a state that passes by itself does not count
ABSENT_POLLS = 20  # what was refused once may be let in a moment later: istiod may have been starting
ABSENT_EVERY = 4  # polls between two questions
CALL_SECONDS = 60
ANSWER_SECONDS = 20
API_SECONDS = (5, 15)  # until the API server takes a connection, and until it says something
READ_BYTES = 65536


T = TypeVar("T")
Ask = Callable[[float], str]
"""Asks a program; takes the seconds that its answer may take."""


@dataclass(frozen=True)
class Kube:
    """One cluster; every call raises CommandError with kubectl's last lines where it fails."""

    kubeconfig: Path | None  # None: the user's own, as kubectl finds it
    program: Path
    context: str = ""  # of the kubeconfig; empty: its current one

    @property
    def words(self) -> list[str]:
        """The beginning of every command."""
        where = ["--kubeconfig", str(self.kubeconfig)] if self.kubeconfig else []
        return [str(self.program), *where, *(["--context", self.context] if self.context else [])]

    def kubectl(
        self, *words: str, stdin: str | None = None, timeout: float = CALL_SECONDS, check: bool = True
    ) -> Completed:
        """Run kubectl. Where it fails, the error has the cure as well, if there is one to what it says."""
        try:
            return run([*self.words, *words], stdin=stdin, timeout=timeout, check=check)
        except CommandError as error:
            found = refusals.of_kubectl(str(error))
            if not found:
                raise
            raise CommandError(f"{error}\n  cure: {found.cure}") from None

    def unreachable(self) -> str:
        """Return why the API server does not answer, empty where it does."""
        try:
            self.kubectl("get", "--raw", "/version", timeout=ANSWER_SECONDS)
        except CommandError as error:
            return str(error)
        return ""

    def apply(self, docs: Iterable[Doc], *, server_side: bool = False) -> None:
        """Apply documents; `server_side` for those too large for the annotation that the client side keeps."""
        flags = ["--server-side", "--force-conflicts"] if server_side else []
        self.kubectl("apply", *flags, "-f", "-", stdin=dump(docs), timeout=120)

    def delete(self, docs: Iterable[Doc]) -> None:
        """Delete documents and wait until they are gone; what is not there is fine."""
        self.kubectl("delete", "--ignore-not-found", "--wait", "-f", "-", stdin=dump(docs), timeout=120)

    def exec(
        self,
        pod: str,
        argv: Sequence[str],
        *,
        container: str,
        namespace: str,
        timeout: float = CALL_SECONDS,
        stdin: str | None = None,
        check: bool = True,
    ) -> Completed:
        """Run a program in a container."""
        words = ["exec", "-n", namespace, pod, "-c", container]
        words += ["-i"] if stdin is not None else []
        return self.kubectl(*words, "--", *argv, stdin=stdin, timeout=timeout, check=check)

    def pods_json(self, namespace: str | None = None, selector: str | None = None) -> str:
        """Return a PodList as the API has it; of all namespaces where none is named."""
        with self._client() as api:
            core = client.CoreV1Api(api)
            # As it came: what is judged is parsed by raymesh, strictly, and kept for the artifacts.
            flags: dict[str, Any] = {"_preload_content": False, "_request_timeout": _api_seconds()}
            if namespace:
                answer: Any = core.list_namespaced_pod(namespace, label_selector=selector, **flags)
            else:
                answer = core.list_pod_for_all_namespaces(label_selector=selector, **flags)
            return str(answer.data.decode())

    def version(self) -> str:
        """Return the API server's version, such as "v1.29.15"."""
        with self._client() as api:
            return str(client.VersionApi(api).get_code(_request_timeout=_api_seconds()).git_version)

    def of_pod(self, namespace: str, pod: str, port: int, path: str) -> str:
        """Return what a pod answers to a GET of `path` on a port, asked through the API server."""
        with self._client() as api:
            answer: Any = client.CoreV1Api(api).connect_get_namespaced_pod_proxy_with_path(
                f"{pod}:{port}", namespace, path, _preload_content=False, _request_timeout=_api_seconds()
            )
            return str(answer.data.decode())

    def asked(self, ask: Callable[[client.ApiClient], T]) -> T:
        """Return what `ask` gets from the API. Raises CommandError where the API server does not serve."""
        with self._client() as api:
            return ask(api)

    def kubelets(self) -> dict[str, str]:
        """Return the version of each node's kubelet, by node."""
        with self._client() as api:
            nodes: Any = client.CoreV1Api(api).list_node(_request_timeout=_api_seconds()).items
        return {str(node.metadata.name): str(node.status.node_info.kubelet_version) for node in nodes}

    @contextlib.contextmanager
    def _client(self) -> Iterator[client.ApiClient]:
        """Yield a client whose calls do not try again by themselves: their deadlines would add up."""
        settings = client.Configuration()
        try:
            config.load_kube_config(  # type: ignore[no-untyped-call]  # not annotated there
                str(self.kubeconfig) if self.kubeconfig else None,
                context=self.context or None,
                client_configuration=settings,
            )
        except config.ConfigException as error:  # also where a program that fetches credentials fails
            why = f"getting credentials: {' '.join(str(error).split())}"
            raise CommandError(f"the kubeconfig can't be used: {refusals.explained(why)}") from error
        settings.retries = False
        try:
            with client.ApiClient(settings) as api:
                yield api
        except (HTTPError, ApiException) as error:
            why = _in_words(error) if isinstance(error, ApiException) else str(error)
            raise CommandError(
                f"the API server of {settings.host} does not serve: {refusals.explained(why)}"
            ) from error

    def wait_ready(
        self,
        namespace: str,
        selector: str,
        *,
        count: int,
        within: float,
        most: int | None = None,
        hopeless: Callable[[Doc], str] = lambda _: "",
        absent: Callable[[], str] = lambda: "",
    ) -> None:
        """Wait until exactly `count` pods match, or up to `most`, and all are Ready.

        `hopeless` may say of a pod that is not Ready why waiting does not cure it, `absent` of those that are not there
        why nobody makes them. Raises TerminalState as soon as one is in such a state, or nobody has made them for
        seconds, and WaitTimeout with the last states.
        """
        stuck: dict[str, int] = {}
        polls, refused = itertools.count(), 0

        def look_for_absent(number: int) -> None:
            nonlocal refused
            if number < count and next(polls) % ABSENT_EVERY:
                return
            why = absent() if number < count else ""
            refused = refused + ABSENT_EVERY if why else 0
            if refused >= ABSENT_POLLS:
                raise TerminalState(f"{count - number} of {count} pods {selector} of {namespace} are not made: {why}")

        presence = Presence(self.unreachable)

        def states() -> dict[str, str]:
            try:
                pods = json.loads(self.pods_json(namespace, selector))["items"]
            except CommandError:
                presence.check()
                raise
            look_for_absent(len(pods))
            seen = {pod["metadata"]["name"]: pod_state(pod) for pod in pods}
            for pod in pods:
                name = pod["metadata"]["name"]
                state = seen[name]
                terminal = state if state.split(":")[0] in TERMINAL_REASONS else ""
                why = terminal or ("" if state == "Ready" else hopeless(pod))
                stuck[name] = stuck.get(name, 0) + 1 if why else 0
                if stuck[name] >= TERMINAL_POLLS:
                    told = f"pod {namespace}/{name} can't start: {refusals.explained(why) if terminal else why}"
                    raise TerminalState(f"{told}\n{self._last_log(namespace, name)}")
            return seen

        wait_for(
            f"{count} pods {selector} of {namespace} Ready",
            states,
            until=lambda seen: count <= len(seen) <= (most or count) and set(seen.values()) == {"Ready"},
            within=within,
            every=1.0,
            transient=(CommandError,),
        )

    def wait_gone(self, namespace: str, selector: str, *, within: float) -> None:
        """Wait until no pod matches."""
        wait_for(
            f"no pod {selector} left in {namespace}",
            lambda: json.loads(self.pods_json(namespace, selector))["items"],
            until=lambda pods: not pods,
            within=within,
            transient=(CommandError,),
        )

    @contextlib.contextmanager
    def port_forward(
        self, namespace: str, target: str, port: int, within: float = 30, *, local: int = 0
    ) -> Iterator[str]:
        """Yield a base URL on loopback that leads to `port` of `target`, such as "service/kiali", while it is used.

        It is at the port `local` where that is given and free, else at any. kubectl ends it when its pod goes; then it
        is opened again under the same URL, and the log says so.
        """
        words = [*self.words, "port-forward", "-n", namespace, target]
        what = f"port-forward to {namespace}/{target}:{port}"
        with Forward([*words, "--address=127.0.0.1"], port, what, within, local=local) as address:
            yield f"http://{address}"

    @contextlib.contextmanager
    def talk(self, pod: str, argv: Sequence[str], *, container: str, namespace: str, mark: str = "") -> Iterator[Ask]:
        """Yield a call that sends an empty line to a program in a container and returns the line that comes back.

        Only a line that begins with `mark` is an answer. The program ends with its standard input. The call takes the
        seconds that an answer may take; it raises CommandError where none comes.
        """
        words = [*self.words, "exec", "-i", "-n", namespace, pod]
        with tempfile.TemporaryFile() as errors:
            process = start(
                [*words, "-c", container, "--", *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
            assert process.stdin is not None
            assert process.stdout is not None
            asks, answers = process.stdin.fileno(), process.stdout.fileno()

            waiting = bytearray()  # what came and is not yet a whole line

            def ask(within: float) -> str:
                end = time.monotonic() + scaled(within)
                with contextlib.suppress(BrokenPipeError):  # then no answer comes either, and the error says why
                    os.write(asks, b"\n")
                while True:
                    while b"\n" in waiting:
                        line, _, rest = bytes(waiting).partition(b"\n")
                        waiting[:] = rest
                        if line.startswith(mark.encode()):
                            return line.decode(errors="replace")
                    came = select.select([answers], [], [], max(0.0, end - time.monotonic()))[0]
                    part = os.read(answers, READ_BYTES) if came else b""
                    if not part:
                        errors.seek(0)
                        last = errors.read()[-2000:].decode(errors="replace")
                        why = "it ended" if came else f"silent for {scaled(within):g} s"
                        raise CommandError(f"no answer of {argv[0]} in {namespace}/{pod}: {why}\n{last}")
                    waiting.extend(part)

            try:
                yield ask
            finally:
                process.stdin.close()
                end_group(process)
                process.stdout.close()

    def _last_log(self, namespace: str, pod: str) -> str:
        logs = self.kubectl("logs", "-n", namespace, pod, "--all-containers", "--tail=5", "--prefix", check=False)
        return logs.stdout.strip()[-1500:]


def _in_words(error: ApiException) -> str:
    """Say what the API server answered: its own message where it sent one."""
    try:
        message = str(json.loads(error.body or "")["message"])
    except (TypeError, ValueError, KeyError):
        message = ""
    return f"{error.status} {error.reason}" + (f": {message}" if message else "")


def _api_seconds() -> tuple[float, float]:
    connect, answer = API_SECONDS
    return scaled(connect), scaled(answer)


def pod_state(pod: Doc) -> str:
    """Return "Ready", or the most telling reason why not, of a pod as the API has it."""
    status = pod["status"]
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    for container in containers:
        waiting = container["state"].get("waiting", {})
        if waiting.get("reason") == CRASH_LOOP and container["restartCount"] + 1 < CRASHES:
            continue
        if waiting.get("reason") in TERMINAL_REASONS:
            return f"{waiting['reason']}: {container['name']}: {waiting.get('message', '')}"
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    if any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", [])):
        return "Ready"
    left = [c for c in status.get("containerStatuses", []) if not _has_submitted(c)]
    if len(left) < len(status.get("containerStatuses", [])) and all(c["ready"] for c in left):
        return "Ready"  # Kubernetes calls no pod so in which a container has ended
    if status.get("reason"):  # of the kubelet: Evicted, OutOfcpu, NodeAffinity, UnexpectedAdmissionError
        return f"{status['phase']}, {status['reason']}: {status.get('message', '')}"
    waiting_for = [c["name"] for c in containers if not c["ready"]]
    return f"{status['phase']}, not ready: {', '.join(waiting_for) or _unscheduled(status)}"


def _has_submitted(container: Doc) -> bool:
    """Whether it is the container that submits a RayJob from the head's pod, and has ended well."""
    ended = container["state"].get("terminated", {})
    return bool(container["name"] == SUBMITTER_CONTAINER and ended.get("exitCode") == 0)


def _unscheduled(status: Doc) -> str:
    """Say why no node takes a pod, in the scheduler's own words."""
    said = (c.get("message") for c in status.get("conditions", []) if c["type"] == "PodScheduled")
    return next((f"not scheduled: {text}" for text in said if text), "not scheduled")
