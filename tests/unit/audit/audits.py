"""An audit that the contract agrees with; tests change one thing of it."""

from raymesh.audit.model import Audit, Crossing, Listener, Speaks, Step
from raymesh.ports import Contract, Port, contract
from raymesh.ports.model import Role

RANDOM = range(32768, 61000)
RANDOM_NUMBERS = {"dashboard-grpc-port": (40001, "dashboard"), "serve-replica-grpc": (40002, "serve replica")}
SPEAKS: dict[str, Speaks] = {"grpc": "grpc", "http": "http", "tcp": "tcp"}


def listener(port: Port, role: Role) -> Listener:
    """The socket that this port of the contract is."""
    number, process = RANDOM_NUMBERS.get(port.name, (0, "somebody"))
    return Listener(role, port.numbers[0] if port.numbers else number, "all", process, SPEAKS[port.speaks])


def clean(made: Contract | None = None) -> Audit:
    """Every port of the contract listens, and every crossing that it knows but the mesh can't carry happens."""
    made = made or contract("2.10.0")
    roles: tuple[Role, Role] = ("head", "worker")
    listeners = [listener(port, role) for role in roles for port in made.listeners(role)]
    crossings = [Crossing("head->worker", 6380, True, ("gcs",)), Crossing("worker->head", 6379, True, ("raylet",))]
    return Audit(
        ray=str(made.ray_version),
        serve=False,
        power="two hosts",
        flags={"--head": "shown", "--system-config": "hidden"},
        refused=(),
        random=RANDOM,
        listeners=tuple(sorted(listeners)),
        crossings=tuple(crossings),
        steps=(Step("tasks", True, "20 tasks a node", 1.0),),
        seconds=40.0,
        peak_megabytes=1400,
    )
