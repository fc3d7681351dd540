"""What a proof stands on: the subject, who drives it, and who watches it, with what is remembered between looks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from raymesh import deadlines
from raymesh.lane import Lane
from raymesh.platform.kube import Kube
from raymesh.proof.knocking import Knocking
from raymesh.subject import RayPod, Subject, head_of
from raymesh.traffic import Beat, Traffic, TrafficFailed
from raymesh.verdicts.catalog import Verdict
from raymesh.verdicts.envoy import Trust
from raymesh.verdicts.finding import Findings
from raymesh.verdicts.prometheus import Ledger
from raymesh.verdicts.traces import Window
from raymesh.waiting import hold_for, wait_for
from raymesh.witness.endpoints import SERVICE_LABEL, parse_endpoints
from raymesh.witness.envoy import ADMIN_PORT, EnvoyAdmin, Handshakes
from raymesh.witness.holders import PROGRAM as HOLDERS
from raymesh.witness.holders import Inside, parse_inside
from raymesh.witness.http import SILENT, Http, Recorder
from raymesh.witness.jaeger import Jaeger, parse_upstream
from raymesh.witness.kiali import Kiali
from raymesh.witness.knock import Knock
from raymesh.witness.pods import Pod, parse_pods
from raymesh.witness.prometheus import Prometheus, Sample, counted_by_sidecars
from raymesh.witness.wire import Wire

LOG = logging.getLogger(__name__)
T = TypeVar("T")
K = TypeVar("K")
WINDOW_SECONDS = 20  # of Kiali's rates: four scrapes
WATCHED_ANEW_SECONDS = 60.0
HANDS = 4  # programs at once: kubectl waits most of its time, also on two cores


@dataclass(frozen=True)
class Witnesses:
    """Those who are asked over HTTP, those who knock, and those who listen to packets."""

    kiali: Kiali
    jaeger: Jaeger
    prometheus: Prometheus
    knocking: Knocking | None  # None where nothing may be put beside the subject
    wire: Wire | None  # None where nobody may listen


class Way:
    """The way to a sidecar's admin interface, open until it is closed."""

    def __init__(self, forward: AbstractContextManager[str], record: Recorder) -> None:
        self._stack = ExitStack()
        self.http = Http(self._stack.enter_context(forward), record, deadlines.SHORT)

    def close(self) -> None:
        """Close it; once more does nothing."""
        self._stack.close()


@dataclass
class Bench:
    """One subject on one cluster, ready to be looked at.

    `roots` are the serial numbers of the mesh's own roots, `named` the pods, and `named_identities` the SPIFFE names,
    that may talk to the subject besides itself. `fresh` tells that nothing was broken here before, `driven` that we let
    Ray work: where it has other work that may not be disturbed, what flows by itself is judged. Verdicts that are not
    asked for are in `unasked`, with the reason. `borrowed` are the versions of what was found on a cluster that is not
    ours, None on one that is. Rates are looked at over `window` seconds, `sampled` is the share of the calls that are
    traced, and with `watching` seconds nothing is ever driven: what flows by itself is watched for so long.
    """

    kube: Kube
    subject: Subject
    lane: Lane
    stock_proxy: bool
    witnesses: Witnesses
    record: Recorder
    roots: frozenset[str]
    named: frozenset[str]
    named_identities: frozenset[str]
    fresh: bool
    driven: bool = True
    unasked: Mapping[Verdict, str] = field(default_factory=dict)
    borrowed: Mapping[str, str] | None = None
    given: Mapping[str, str] = field(default_factory=dict)  # images that are not the lane's, by role
    window: int = WINDOW_SECONDS
    sampled: float = 1.0
    watching: float = 0.0
    traffic: Traffic = field(init=False)
    since: float = field(default_factory=time.time)  # what is judged began then, seconds since the epoch
    windows: list[list[Window]] = field(default_factory=list)
    last_beat: Beat | None = None
    knocks: tuple[Knock, ...] = ()  # of the last look at who is refused
    ledger: Ledger | None = None
    handshakes: dict[str, Handshakes] | None = None  # forgiven, by pod
    ways: dict[str, Way] = field(default_factory=dict)  # to the sidecars' admin interfaces, by pod
    stack: ExitStack = field(default_factory=ExitStack)
    shared: dict[str, Inside] | None = None

    def __post_init__(self) -> None:
        """Find the head, from which Ray is driven."""
        self.traffic = Traffic(self.kube, self.subject, head_of(self.members()))
        self.pulse = self.traffic.pulse(deadlines.CALL)

    def __enter__(self) -> Self:
        self.stack.callback(self.pulse.end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.close()

    def pods(self, namespace: str | None = None) -> tuple[Pod, ...]:
        """Return the pods of the cluster, or of one namespace."""
        return parse_pods(self.kube.pods_json(namespace))

    def members_pods(self) -> tuple[Pod, ...]:
        """Return the pods of the subject."""
        return parse_pods(self.kube.pods_json(self.subject.namespace, self.subject.selector))

    def members(self) -> tuple[RayPod, ...]:
        """Return the Ray pods that there are now."""
        return self.subject.members(self.members_pods())

    def strangers(self) -> list[str]:
        """Return what is behind the headless Service and none of the subject's: pods, and addresses without one."""
        subject = self.subject
        if not subject.headless_service:
            return []
        chosen = f"{SERVICE_LABEL}={subject.headless_service}"
        words = ("get", "endpointslices.discovery.k8s.io", "-n", subject.namespace, "-l", chosen, "-o", "json")
        behind = parse_endpoints(self.kube.kubectl(*words).stdout)
        mine = {address for one in self.members() for address in (one.ip, *one.pod.ips)}
        return sorted({str(one) for one in behind if one.address not in mine})

    def mark(self) -> None:
        """Begin anew: what is judged from here on began now. What was of other security is not forgiven by it."""
        self.since = time.time()
        self.windows.clear()
        if self.ledger:
            self.ledger.begin()

    def forgive(self) -> None:
        """Take what is counted now, of a fault that is mended, for the ground on which what comes is judged.

        Waits until every Ray pod was scraped after this call: what was sent before may come in late.
        """
        mended = time.time()
        names = {one.name for one in self.members()}

        def scraped() -> set[str]:
            targets = self.witnesses.prometheus.targets()
            return {t.labels.get("pod", "") for t in targets if t.scraped_at > mended} & names

        wait_for(
            "every Ray pod scraped since the fault was mended", scraped, until=lambda found: found == names,
            within=deadlines.evidence(),
        )  # fmt: skip
        self.ledger = Ledger.opened(self.samples(), fresh=False)
        self.handshakes = self.each_sidecar(EnvoyAdmin.handshakes)

    def samples(self) -> tuple[Sample, ...]:
        """Return what Prometheus has now of the sidecars' counters; among others' pods, of the subject's alone."""
        found = self.witnesses.prometheus.query(counted_by_sidecars(self.subject.namespace))
        if self.borrowed is None:
            return found
        mine = {one.name for one in self.members()}
        return tuple(sample for sample in found if sample.labels.get("pod") in mine)

    def work(self) -> Beat:
        """Let Ray's nodes work with each other, between two snapshots of what their sidecars received.

        Raises TrafficFailed.
        """
        before = self._received()
        self.last_beat = None
        beat = self.pulse.beat(self.size())
        self.last_beat = beat
        after = self._received()
        self.windows.append([_window(pod, before[pod], after[pod]) for pod in before if pod in after])
        if beat.error:
            raise TrafficFailed(beat.error)
        return beat

    def watch(self) -> None:
        """Let time pass between two snapshots of what the sidecars received, unless there are some of just now."""
        if (
            self.windows
            and time.time() - max((one.ended for one in self.windows[-1]), default=0) / 1e6 < WATCHED_ANEW_SECONDS
        ):
            return
        before = self._received()
        hold_for("what flows by itself", lambda: None, holds=lambda _: True, seconds=self.watching)
        after = self._received()
        self.windows.append([_window(pod, before[pod], after[pod]) for pod in before if pod in after])

    def size(self) -> int:
        """Return how many nodes there have to be; where an autoscaler decides, as many as there are."""
        return len(self.members()) if self.subject.elastic else self.subject.size

    def asked(self, findings: Findings) -> Findings:
        """Return the findings of verdicts that are asked for."""
        return tuple(finding for finding in findings if finding.verdict not in self.unasked)

    def _received(self) -> dict[str, Received]:
        calls = {port.number for port in self.subject.contract.headless_ports() if port.app_protocol != "tcp"}
        return self.each_sidecar(lambda admin: _received(admin, calls))

    def admin(self, one: RayPod) -> EnvoyAdmin:
        """Return the admin interface of a Ray pod's sidecar; the way to it stays open as long as it is there.

        Raises CommandError.
        """
        way = self.ways.get(one.name)
        if way is None:
            forward = self.kube.port_forward(self.subject.namespace, f"pod/{one.name}", ADMIN_PORT)
            way = self.ways[one.name] = Way(forward, self.record)
            self.stack.callback(way.close)
        return EnvoyAdmin(way.http, one.name)

    def each_sidecar(self, ask: Callable[[EnvoyAdmin], T]) -> dict[str, T]:
        """Ask the sidecar of each Ray pod; one that does not answer is left out, and so missed by who judges."""
        members = [one for one in self.members() if one.pod.ready]
        for gone in self.ways.keys() - {one.name for one in members}:
            if way := self.ways.pop(gone, None):  # others ask at the same time
                way.close()
        return at_once({one.name: lambda one=one: ask(self.admin(one)) for one in members})  # type: ignore[misc]  # binds the loop's value

    @contextmanager
    def one_look_inside(self) -> Iterator[None]:
        """Let all who ask for `insides` have the same ones until the end."""
        self.shared = self._look_inside()
        try:
            yield
        finally:
            self.shared = None

    def insides(self) -> dict[str, Inside]:
        """Look into each Ray container; one that can't be looked into is left out."""
        return self._look_inside() if self.shared is None else self.shared

    def _look_inside(self) -> dict[str, Inside]:
        return self.run_inside(HOLDERS, "holders", parse_inside)

    def run_inside(self, program: Path, called: str, parse: Callable[[str], T]) -> dict[str, T]:
        """Run a program in each Ray container and return what it printed, read by `parse`, by pod.

        One that does not answer is left out. Each answer is recorded as `called`-POD.
        """
        text = program.read_text()

        def ask(one: RayPod) -> T:
            done = self.kube.exec(
                one.name,
                ["python", "-"],
                container=one.container,
                namespace=self.subject.namespace,
                stdin=text,
                timeout=deadlines.SHORT,
            )
            self.record(f"{called}-{one.name}", done.stdout)
            return parse(done.stdout)

        return at_once({one.name: lambda one=one: ask(one) for one in self.members()})  # type: ignore[misc]  # binds the loop's value

    @property
    def trust(self) -> Trust:
        """What the sidecars must have loaded."""
        return Trust(self.roots, self.subject.identities)


@dataclass(frozen=True)
class Received:
    """What a sidecar had received when it was asked (`at`, seconds since the epoch).

    `ended` is calls through its HTTP chains that had ended, `opened` connections that it had opened to the application,
    by port.
    """

    ended: int
    opened: Mapping[int, int]
    at: float


def _received(admin: EnvoyAdmin, ports: Collection[int]) -> Received:
    """Count calls to these ports; what goes through a chain of TCP is no call to Envoy."""
    began = time.time()
    clusters = admin.clusters()
    at = (began + time.time()) / 2
    upstreams = [(parse_upstream(cluster.name), cluster) for cluster in clusters]
    inbound = [(up.port, cluster) for up, cluster in upstreams if up.direction == "inbound" and up.port is not None]
    return Received(
        ended=sum(cluster.requests - cluster.active for port, cluster in inbound if port in ports),
        opened={port: cluster.connections for port, cluster in inbound},
        at=at,
    )


def _window(pod: str, before: Received, after: Received) -> Window:
    opened = {port for port, count in after.opened.items() if count > before.opened.get(port, 0)}
    return Window(pod, int(before.at * 1e6), int(after.at * 1e6), after.ended - before.ended, frozenset(opened))


def at_once(asks: dict[str, Callable[[], T]]) -> dict[str, T]:
    """Ask side by side; who does not answer is left out."""

    def quiet(ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except SILENT as error:
            LOG.info("left out: %s", error)
            return None

    with ThreadPoolExecutor(HANDS) as pool:
        answers = dict(zip(asks, pool.map(quiet, asks.values()), strict=True))
    return {name: answer for name, answer in answers.items() if answer is not None}
