"""A few faults of every kind, so that no run is green by accident; `-m faults` runs them all."""

import pytest

from fixtures.session import Breaks
from raymesh.faults.fault import Fault
from raymesh.faults.registry import BESIDE, CUTTING

pytestmark = pytest.mark.e2e


@pytest.mark.beside
@pytest.mark.parametrize("fault", BESIDE, ids=lambda fault: fault.id)
@pytest.mark.asks("faults")
def test_a_fault_turns_its_verdicts_red(fault: Fault, breaks: Breaks) -> None:
    """Just what the fault names is red, and all is green again when it is mended."""
    breaks(fault)


@pytest.mark.breaks
@pytest.mark.parametrize("fault", CUTTING, ids=lambda fault: fault.id)
@pytest.mark.asks("guide's faults")
def test_a_fault_that_cuts_rays_connections(fault: Fault, breaks: Breaks) -> None:
    """So it is with faults under which Ray's connections end; nothing else is under way meanwhile."""
    breaks(fault)


@pytest.mark.last
def test_the_mesh_is_whole_to_the_end(whole: None) -> None:
    """After all work and every fault each pod is judged once more, by every witness."""
    assert whole is None
