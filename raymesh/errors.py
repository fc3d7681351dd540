"""What can go wrong, split by whose fault it is."""


class RaymeshError(Exception):
    """Base of every error that raymesh raises on purpose: its text is meant for a person."""


class EnvironmentFault(RaymeshError):
    """The machine, not the mesh, is at fault: something is missing, too small or out of reach.

    The text names the cause, `cure` what to do about it.
    """

    def __init__(self, cause: str, cure: str) -> None:
        super().__init__(f"{cause}\n  cure: {cure}")
        self.cause = cause
        self.cure = cure


class ClusterGone(EnvironmentFault):
    """The API server has not answered for long: the cluster was deleted, or can't be reached any more."""


class InUse(EnvironmentFault):
    """Another run uses it now; the text says which one."""


class UsageError(RaymeshError):
    """An option or an input file has a value that raymesh can't take; the text says which values it takes."""


class InputUnread(UsageError):
    """An input file is there, and is not what it has to be; the text names the file."""


class CommandError(RaymeshError):
    """A program that raymesh started failed; the text holds the command, its exit code and its last lines."""


class TerminalState(RaymeshError):
    """A probe saw a state that waiting can't cure, such as CrashLoopBackOff."""


class WaitTimeout(RaymeshError):
    """Something did not become true in time: a finding. The text holds the value that was last seen."""


class Unreadable(RaymeshError):
    """A witness answered in a form that its parser does not know: no verdict may be built on it."""


class Stopped(RaymeshError):
    """The run was asked to end, and a thread of it stops where it is."""
