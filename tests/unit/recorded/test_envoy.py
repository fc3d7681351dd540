"""mTLS by Envoy on recorded sidecars: green as they are, and red for the reason that was put into one of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from raymesh.mesh.guide import PODS
from raymesh.verdicts import Finding, Sidecar, mtls_by_envoy
from raymesh.verdicts.finding import names
from raymesh.witness.envoy import parse_handshakes, parse_inbound
from tests.unit.recorded.recordings import HEAD, WORKER, Doctored, parsed
from tests.unit.verdicts.colour import red

ASKED = "the sidecars were asked"
HANDSHAKES = "TLS 1.3 handshakes only"
CHAINS = "no inbound chain without mTLS"
VERSIONS = "listener.0.0.0.0_15006.ssl.versions."
CHAIN = "0.0.0.0_6380"


def judge(*pods: str, doctored: Doctored | None = None) -> tuple[Finding, ...]:
    sidecars = {
        pod: Sidecar(
            parsed(parse_handshakes, f"envoy-{pod}-stats.json", doctored),
            parsed(parse_inbound, f"envoy-{pod}-listeners.json", doctored),
        )
        for pod in pods
    }
    return mtls_by_envoy(sidecars, pods=PODS)


def of_chain(change: Callable[[dict[str, Any]], object]) -> Callable[[Any], object]:
    def doctor(dump: Any) -> None:
        [chain] = [c for c in chains(dump) if c["name"] == CHAIN]
        change(chain)

    return doctor


def chains(dump: Any) -> list[dict[str, Any]]:
    [config] = dump["configs"]
    found: list[dict[str, Any]] = config["active_state"]["listener"]["filter_chains"]
    return found


def tls(chain: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = chain["transport_socket"]["typed_config"]
    return found


def tls_version(chain: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tls(chain)["common_tls_context"]["tls_params"]
    return found


def add_permissive_chain(dump: Any) -> None:
    """Add the chain that Istio makes of PERMISSIVE, beside that of mTLS."""
    [mutual] = [c for c in chains(dump) if c["name"] == CHAIN]
    plain = copy.deepcopy(mutual)
    plain["filter_chain_match"]["transport_protocol"] = "raw_buffer"
    del plain["transport_socket"]
    chains(dump).append(plain)


def of_version(version: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Any], object]:
    return lambda stats: [change(stat) for stat in stats["stats"] if stat["name"] == VERSIONS + version]


STATS: dict[str, Callable[[Any], object]] = {
    "a TLS 1.2 handshake": lambda stats: stats["stats"].append({"name": f"{VERSIONS}TLSv1.2", "value": 1}),
    "TLS 1.2 only": of_version("TLSv1.3", lambda stat: stat.update(name=f"{VERSIONS}TLSv1.2")),
    "no handshake": of_version("TLSv1.3", lambda stat: stat.update(value=0)),
    "handshakes not counted": lambda stats: stats["stats"].clear(),
}
LISTENERS: dict[str, Callable[[Any], object]] = {
    "permissive": add_permissive_chain,
    "plaintext": of_chain(lambda chain: chain.pop("transport_socket")),
    "raw_buffer socket": of_chain(
        lambda chain: chain.update(transport_socket={"name": "envoy.transport_sockets.raw_buffer"})
    ),
    "TLS for what is not TLS": of_chain(
        lambda chain: chain["filter_chain_match"].update(transport_protocol="raw_buffer")
    ),
    "client certificate not demanded": of_chain(lambda chain: tls(chain).update(require_client_certificate=False)),
    "no word of client certificates": of_chain(lambda chain: tls(chain).pop("require_client_certificate")),
    "TLS 1.2 allowed": of_chain(lambda chain: tls_version(chain).update(tls_minimum_protocol_version="TLSv1_2")),
    "no minimum": of_chain(lambda chain: tls_version(chain).pop("tls_minimum_protocol_version")),
    "no inbound listener": lambda dump: dump["configs"].clear(),
    "black hole only": lambda dump: chains(dump).__delitem__(slice(1, None)),
}


def test_the_recording_is_green() -> None:
    findings = judge(HEAD, WORKER)
    assert red(findings) == set()
    assert names(findings) == {ASKED, HANDSHAKES, CHAINS}
    assert [f.figures["handshakes"] for f in findings if f.verdict == HANDSHAKES] == [214, 39]
    assert [f.figures["chains"] for f in findings if f.verdict == CHAINS] == [24, 21]


def test_one_sidecar_is_not_enough() -> None:
    assert red(judge(HEAD)) == {ASKED}


@pytest.mark.parametrize("pod", [HEAD, WORKER])
@pytest.mark.parametrize("case", STATS)
def test_other_handshakes_are_red(case: str, pod: str) -> None:
    assert_red(pod, HANDSHAKES, Doctored(f"envoy-{pod}-stats.json", STATS[case]))


@pytest.mark.parametrize("pod", [HEAD, WORKER])
@pytest.mark.parametrize("case", LISTENERS)
def test_a_lax_chain_is_red(case: str, pod: str) -> None:
    assert_red(pod, CHAINS, Doctored(f"envoy-{pod}-listeners.json", LISTENERS[case]))


def assert_red(pod: str, verdict: str, doctored: Doctored) -> None:
    findings = judge(HEAD, WORKER, doctored=doctored)
    assert [(f.verdict, f.witness) for f in findings if not f.ok] == [(verdict, f"Envoy of {pod}")]
