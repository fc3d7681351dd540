"""The fault matrix: every fault is broken, seen red by just its verdicts, mended, and seen green again."""

import pytest

from fixtures.session import Breaks
from raymesh.faults.fault import Fault
from raymesh.faults.registry import FAULTS

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
@pytest.mark.asks("guide's faults")
def test_fault(fault: Fault, breaks: Breaks) -> None:
    """Just what it names is red, nothing else, and all is green again."""
    breaks(fault)
