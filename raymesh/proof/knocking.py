"""Everybody who knocks: from outside the mesh, from inside, and with the mesh's own certificate in hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from raymesh import deadlines
from raymesh.deadlines import scaled
from raymesh.ports import Contract
from raymesh.subject import Subject
from raymesh.witness.knock import Certificate, ClientName, Knock, Knocker, Means, Target

FROM_OUTSIDE: tuple[ClientName, ...] = (
    "plaintext",
    "TLS 1.3 without certificate",
    "TLS 1.3, self-signed",
    "TLS 1.3, foreign CA",
)
WITH_CERTIFICATE: tuple[ClientName, ...] = (
    "TLS 1.2 with the mesh's certificate",
    "TLS 1.3 with the mesh's certificate",
)
FROM_INSIDE: tuple[ClientName, ...] = ("in the mesh",)
PATIENCE_SECONDS = 5.0  # of one connection, handshake or answer
# What always serves, and so must answer who may ask. Worker ports come and go with their processes; 6382 is declared
# grpc by the guide and speaks HTTP, so no client can reach it through the mesh.
SERVING = (
    *("node-manager-port", "object-manager-port", "dashboard-agent-grpc-port", "dashboard-agent-listen-port"),
    *("gcs-server-port", "dashboard-port", "client-port"),
)


@dataclass(frozen=True)
class Knocking:
    """The pods that knock, and the certificates that their clients show."""

    outsider: Knocker
    insider: Knocker
    bearer: Knocker
    certificate: Certificate  # the mesh's own, in the bearer's pod
    self_signed: Certificate
    foreign: Certificate

    def knock(self, wanted: Sequence[Target], serving: Sequence[Target]) -> tuple[Knock, ...]:
        """Let clients without the mesh's identity try each of `wanted`, and a pod inside each of `serving`."""
        forged = Means(self_signed=self.self_signed, foreign=self.foreign)

        def ask(
            knocker: Knocker, clients: tuple[ClientName, ...], at: Sequence[Target], means: Means
        ) -> Sequence[Knock]:
            patience = scaled(PATIENCE_SECONDS)
            within = deadlines.SHORT + PATIENCE_SECONDS * len(at) * len(clients)
            return knocker.knock(clients, at, means, patience=patience, within=within)

        asks: tuple[Callable[[], Sequence[Knock]], ...] = (
            lambda: ask(self.outsider, FROM_OUTSIDE, wanted, forged),
            lambda: ask(self.bearer, WITH_CERTIFICATE, wanted, Means(mesh=self.certificate)),
            lambda: ask(self.insider, FROM_INSIDE, serving, Means()),
        )
        with ThreadPoolExecutor(len(asks)) as pool:
            return tuple(knock for done in pool.map(lambda one: one(), asks) for knock in done)


def always_serving(wanted: Sequence[Target], contract: Contract, subject: Subject) -> tuple[Target, ...]:
    """Return those of the ports that always serve, as the mesh's own would dial them.

    What the headless Service does not declare is dialled by the name of the head's own Service.
    """
    named = [port for port in contract.ports if port.name in SERVING]
    headless = {port.number for port in contract.headless_ports()}
    return tuple(
        target if target.port in headless else replace(target, host=subject.head_host, ip="")
        for target in wanted
        if any(port.holds(target.port) and target.role in port.roles for port in named)
    )
