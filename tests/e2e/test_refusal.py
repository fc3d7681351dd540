"""Who has no identity of the mesh is turned away at every port, for the right reason."""

import pytest

from fixtures.session import Judge, Looks
from raymesh.proof import looks

pytestmark = pytest.mark.e2e


@pytest.mark.asks("refusal")
def test_outsiders_are_refused_and_insiders_served(green: Looks, judge: Judge) -> None:
    """Plaintext, TLS 1.2 and wrong certificates are refused at every listening port; pods of the mesh succeed."""
    judge(green("every listening port, knocked at from outside and inside", looks.refusal))
