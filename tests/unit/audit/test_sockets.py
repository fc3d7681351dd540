"""The reader of /proc/net/tcp, on text that a Ray worker's host gave."""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from raymesh.errors import Unreadable
from raymesh.witness.sockets import Endpoint, State, parse

DATA = Path(__file__).with_name("data")
TCP = (DATA / "worker-tcp.txt").read_text()
TCP6 = (DATA / "worker-tcp6.txt").read_text()


def listening(text: str) -> list[tuple[str, int]]:
    return sorted((str(s.local.address), s.local.port) for s in parse(text) if s.state is State.LISTEN)


def test_ipv4_listeners_have_their_address_and_port() -> None:
    """Bytes of an address are turned round, those of a port are not."""
    assert listening(TCP) == [("0.0.0.0", 8080), ("10.77.0.2", 6382), ("10.77.0.2", 52365), ("127.0.0.1", 52365)]


def test_an_ipv4_address_in_tcp6_is_ipv4() -> None:
    """A dual-stack socket on one IPv4 address is told as that address, and :: stays ::."""
    assert ("10.77.0.2", 6383) in listening(TCP6)
    assert ("::", 6380) in listening(TCP6)


def test_both_files_may_come_as_one_text() -> None:
    """`cat tcp tcp6` has two headers."""
    assert len(parse(TCP + TCP6)) == len(parse(TCP)) + len(parse(TCP6))


def test_connections_have_both_ends_and_an_owner() -> None:
    """What is established has an inode, what waits for late packets has none."""
    by_state = {s.state: s for s in parse(TCP)}
    assert by_state[State.ESTABLISHED].remote == Endpoint(IPv4Address("10.77.0.1"), 0x9548)
    assert by_state[State.ESTABLISHED].inode == 628754
    assert by_state[State.TIME_WAIT].inode == 0


def test_ipv6_words_are_turned_round_one_by_one() -> None:
    """fd00::1 is four words of four bytes."""
    line = "0: 000000FD000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 7"
    header = TCP6.splitlines()[0]
    assert parse(f"{header}\n{line}")[0].local == Endpoint(IPv6Address("fd00::1"), 80)


def test_a_host_where_nothing_listens_is_no_error() -> None:
    """A header alone is an answer."""
    assert parse(TCP.splitlines()[0]) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cat: /proc/net/tcp: No such file or directory",
        TCP.splitlines()[0] + "\n 0: 0100007F:CC8D 00000000:0000 0A",
        TCP.replace("0100007F:CC8D", "0100007F"),
        TCP.replace("0100007F:CC8D", "01007F:CC8D00"),
        TCP.replace(" 0A ", " 7F ", 1),
    ],
)
def test_what_is_no_such_table_is_refused(text: str) -> None:
    """Control: an empty or damaged answer never reads as `nothing listens`."""
    with pytest.raises(Unreadable):
        parse(text)
