"""Ports of a Ray node: the contract, and what is made from it."""

from raymesh.ports.contract import Contract, contract, guide_contract, pins, working_contract
from raymesh.ports.model import WORKER_PORTS, AppProtocol, Crossing, Port, Role, ServicePort
from raymesh.ports.versions import NEWEST, OLDEST, Version, avoid_reason, parse_version

__all__ = [
    "NEWEST",
    "OLDEST",
    "WORKER_PORTS",
    "AppProtocol",
    "Contract",
    "Crossing",
    "Port",
    "Role",
    "ServicePort",
    "Version",
    "avoid_reason",
    "contract",
    "guide_contract",
    "parse_version",
    "pins",
    "working_contract",
]
