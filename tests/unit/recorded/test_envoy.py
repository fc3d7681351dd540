"""mTLS by Envoy on recorded sidecars: green as they are, and red for the reason that was put into one of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from raymesh.verdicts.catalog import ASKED, CHAINS, HANDSHAKES, OUTBOUND, TRUST, Verdict
from raymesh.verdicts.envoy import Sidecar, Trust, mtls_by_envoy
from raymesh.verdicts.finding import Findings, verdicts_of
from raymesh.witness.envoy import parse_certificates, parse_handshakes, parse_inbound, parse_outbound
from tests.unit.recorded.recordings import HEAD, PODS, SUBJECT, Doctored, parsed
from tests.unit.verdicts.colour import red, red_of

ROOTS = parsed(parse_certificates, f"envoy-{HEAD}-certs.json").roots
PORTS = {port.number for port in SUBJECT.contract.headless_ports()}
VERSIONS = "listener.0.0.0.0_15006.ssl.versions."
CHAIN = "0.0.0.0_6380"


def judge(*pods: str, doctored: Doctored | None = None) -> Findings:
    sidecars = {
        pod: Sidecar(
            parsed(parse_handshakes, f"envoy-{pod}-stats.json", doctored),
            parsed(parse_inbound, f"envoy-{pod}-listeners.json", doctored),
            parsed(parse_outbound, f"envoy-{pod}-outbound.json", doctored),
            parsed(parse_certificates, f"envoy-{pod}-certs.json", doctored),
        )
        for pod in pods
    }
    return mtls_by_envoy(sidecars, pods=PODS, trust=Trust(ROOTS, SUBJECT.identities), ports=PORTS, forgiven={})


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


def validation(chain: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tls(chain)["common_tls_context"]["combined_validation_context"]
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
}
VALIDATION: dict[str, Callable[[Any], object]] = {
    "untrusted certificates taken": of_chain(
        lambda chain: (
            validation(chain)
            .setdefault("default_validation_context", {})
            .update(trust_chain_verification="ACCEPT_UNTRUSTED")
        )
    ),
    "no validation context": of_chain(
        lambda chain: tls(chain)["common_tls_context"].pop("combined_validation_context")
    ),
    "checked against another CA": of_chain(
        lambda chain: validation(chain)["validation_context_sds_secret_config"].update(name="file-root:system")
    ),
}
NO_CHAINS: dict[str, Callable[[Any], object]] = {
    "no inbound listener": lambda dump: dump["configs"].clear(),
    "black hole only": lambda dump: chains(dump).__delitem__(slice(1, None)),
}


def foreign_root(loaded: Any) -> None:
    """Add another root to the mesh's own."""
    one = next(one for one in loaded["certificates"] if one.get("ca_cert"))
    one["ca_cert"].append({**one["ca_cert"][0], "serial_number": "beef"})


def outbound(change: Callable[[dict[str, Any]], object]) -> Callable[[Any], object]:
    def doctor(dump: Any) -> None:
        [cluster] = [c["cluster"] for c in dump["configs"] if "outbound|6381|" in c["cluster"]["name"]]
        change(cluster)

    return doctor


def in_plaintext(cluster: dict[str, Any]) -> None:
    cluster.pop("transport_socket_matches", None)
    cluster.pop("transport_socket", None)


OUTWARD: dict[str, Callable[[Any], object]] = {
    "dials in plaintext": outbound(in_plaintext),
    "does not know a port": outbound(lambda cluster: cluster.update(name="outbound|1||host")),
}


def test_the_recording_is_green() -> None:
    findings = judge(*PODS)
    assert red(findings) == set()
    assert verdicts_of(findings) == {ASKED, HANDSHAKES, CHAINS, TRUST, OUTBOUND}
    assert all(f.figures["handshakes"] for f in findings if f.verdict is HANDSHAKES)


def test_one_sidecar_is_not_enough() -> None:
    assert red(judge(HEAD)) == {ASKED}


@pytest.mark.parametrize("pod", PODS)
@pytest.mark.parametrize("case", STATS)
def test_other_handshakes_are_red(case: str, pod: str) -> None:
    assert_red(pod, {HANDSHAKES}, Doctored(f"envoy-{pod}-stats.json", STATS[case]))


@pytest.mark.parametrize("pod", PODS)
@pytest.mark.parametrize("case", LISTENERS)
def test_a_lax_chain_is_red(case: str, pod: str) -> None:
    assert_red(pod, {CHAINS}, Doctored(f"envoy-{pod}-listeners.json", LISTENERS[case]))


@pytest.mark.parametrize("pod", PODS)
@pytest.mark.parametrize("case", VALIDATION)
def test_a_chain_that_takes_any_certificate_is_red(case: str, pod: str) -> None:
    assert_red(pod, {TRUST}, Doctored(f"envoy-{pod}-listeners.json", VALIDATION[case]))


@pytest.mark.parametrize("pod", PODS)
@pytest.mark.parametrize("case", NO_CHAINS)
def test_no_chains_are_red(case: str, pod: str) -> None:
    assert_red(pod, {CHAINS, TRUST}, Doctored(f"envoy-{pod}-listeners.json", NO_CHAINS[case]))


@pytest.mark.parametrize("pod", PODS)
def test_a_foreign_root_is_red(pod: str) -> None:
    assert_red(pod, {TRUST}, Doctored(f"envoy-{pod}-certs.json", foreign_root))


@pytest.mark.parametrize("pod", PODS)
@pytest.mark.parametrize("case", OUTWARD)
def test_a_lax_dialler_is_red(case: str, pod: str) -> None:
    assert_red(pod, {OUTBOUND}, Doctored(f"envoy-{pod}-outbound.json", OUTWARD[case]))


def assert_red(pod: str, verdicts: set[Verdict], doctored: Doctored) -> None:
    assert red_of(judge(*PODS, doctored=doctored)) == {(verdict, pod) for verdict in verdicts}
