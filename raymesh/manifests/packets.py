"""What NetworkPolicies say of packets: yes, no, or unknown. The union of all that select a pod is what counts.

Source: the reference of NetworkPolicy (networking.k8s.io/v1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from raymesh.manifests.maybe import Maybe, every, some
from raymesh.manifests.policies import NetworkPeer, NetworkPolicy, NetworkPort, Opening
from raymesh.manifests.selecting import Selector
from raymesh.manifests.surroundings import Member

Way = Literal["ingress", "egress"]
SPACE_NAME = "kubernetes.io/metadata.name"
EVERYWHERE = ("0.0.0.0/0", "::/0")
PeerTest = Callable[[NetworkPeer], Maybe]


def openings(policies: Iterable[NetworkPolicy], way: Way) -> list[Opening] | None:
    """All rules of the policies for one direction, None if nothing isolates it."""
    told = [rules for p in policies if (rules := p.ingress if way == "ingress" else p.egress) is not None]
    return [rule for rules in told for rule in rules] if told else None


def passes(rules: Sequence[Opening], peer: PeerTest, number: int, protocol: str, names: Mapping[str, int]) -> Maybe:
    """Whether a packet to a port number passes; `names` are ports of the containers that it goes to."""
    return some(every((_peers(rule.peers, peer), _ports(rule.ports, number, protocol, names))) for rule in rules)


def pod_test(other: Member, home: str | None) -> PeerTest:
    """Whether a peer stands for the pods of a group; `home` is the namespace of the policy."""

    def test(peer: NetworkPeer) -> Maybe:
        if peer.block is not None:
            return True if peer.block.text in EVERYWHERE else None
        in_space: Maybe = True
        if peer.spaces is not None:
            in_space = _space(peer.spaces, other, home)
        return every((in_space, peer.pods.holds(other.labels) if peer.pods else True))

    return test


def elsewhere_test(home: str | None) -> PeerTest:
    """Whether a peer may stand for pods of another namespace; nobody knows their labels."""

    def test(peer: NetworkPeer) -> Maybe:
        if peer.block is not None:
            return True if peer.block.text in EVERYWHERE else None
        if peer.spaces is None:
            return False
        name = peer.spaces.labels.get(SPACE_NAME)
        if name is not None and home is not None and name.text == home:
            return False
        return True if peer.spaces.empty and peer.pods is None else None

    return test


def _space(selector: Selector, other: Member, home: str | None) -> Maybe:
    labels = dict(other.space_labels)
    name = other.cluster.namespace or home
    if name is not None:
        labels[SPACE_NAME] = name
    told = selector.holds(labels)
    if told is False and (other.space is None or name is None):
        return False if name is not None and by_name(selector).holds(labels) is False else None
    return told


def by_name(selector: Selector) -> Selector:
    """What a selector asks of a namespace's name, which its label tells."""
    labels = {key: value for key, value in selector.labels.items() if key == SPACE_NAME}
    return Selector(labels, tuple(e for e in selector.expressions if e.key == SPACE_NAME))


def _peers(peers: Sequence[NetworkPeer], test: PeerTest) -> Maybe:
    return some(test(peer) for peer in peers) if peers else True


def _ports(ports: Sequence[NetworkPort], number: int, protocol: str, names: Mapping[str, int]) -> Maybe:
    return some(_port(port, number, protocol, names) for port in ports) if ports else True


def _port(port: NetworkPort, number: int, protocol: str, names: Mapping[str, int]) -> Maybe:
    if port.protocol != protocol:
        return False
    if port.port is None:
        return True
    first = port.port.number
    if first is None:  # the name of a container's port
        return names.get(port.port.text) == number
    last = port.end.number if port.end else None
    return first <= number <= (first if last is None else last)
