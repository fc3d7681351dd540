"""Real Ray keeps the port contract, still does what we recorded of it, and leaves nothing behind."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from raymesh.audit.judge import judge
from raymesh.audit.measure import Plan, audit
from raymesh.audit.model import Audit
from raymesh.audit.recordings import disagreements, load, recorded_versions, summarize
from raymesh.machine import netns
from raymesh.ports import NEWEST, Contract, contract
from raymesh.progress import Progress

pytestmark = pytest.mark.ports


def test_real_ray_opens_what_the_contract_says(ray_audit: Audit, ray_contract: Contract) -> None:
    """No port, protocol, crossing or failed call that the contract does not know."""
    assert judge(ray_audit, ray_contract) == []


def test_an_audit_turns_red_for_every_port_that_the_contract_lacks(ray_audit: Audit, ray_contract: Contract) -> None:
    """Control: take any one port out of the contract and the same audit finds its listener."""
    opened = {port.name: port for one in ray_audit.listeners if (port := ray_contract.port_at(one.number, one.role))}
    assert opened
    for name in opened:
        poorer = replace(ray_contract, ports=tuple(port for port in ray_contract.ports if port.name != name))
        if name != "worker-ports":
            assert "undeclared" in {one.kind for one in judge(ray_audit, poorer)}, name


@pytest.mark.skipif(os.geteuid() != 0, reason="two hosts take root; as root nothing is left out")
def test_a_fresh_audit_agrees_with_the_recording(ray_audit: Audit, ray_contract: Contract, ray_version: str) -> None:
    """What `raymesh ports diff` shows is still true."""
    assert ray_version in recorded_versions(), f"record it: raymesh ports audit --ray {ray_version} --record"
    serve_only = {port.name for port in contract(ray_version, serve=True).ports} - {p.name for p in ray_contract.ports}
    assert disagreements(summarize(ray_audit, ray_contract), load(ray_version), serve_only) == []


def test_a_removed_flag_is_told_by_name() -> None:
    """`ray start` of the newest version ends at once for a flag of 2.47."""
    made = contract(NEWEST)
    seen = audit(Plan(made, loopback=not netns.allowed(), extra={"dashboard-grpc-port": "6384"}), Progress())
    assert [(one.kind, one.subject) for one in judge(seen, made)] == [("refused-flag", "--dashboard-grpc-port")]
