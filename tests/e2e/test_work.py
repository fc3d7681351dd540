"""Ray does its work across the mesh: without this, nothing that the mesh shows proves anything."""

from concurrent.futures import Future

import pytest

from fixtures.raycluster import Guide, Worked
from fixtures.run import Run
from fixtures.session import Judge
from raymesh import deadlines
from raymesh.proof.bench import Bench
from raymesh.subject import by_role
from raymesh.traffic import STEPS, JobRun
from raymesh.verdicts.work import every_node_worked, guide_printed, job_ran

pytestmark = pytest.mark.e2e


@pytest.mark.starts
@pytest.mark.asks("steps")
def test_every_node_works(worked: Worked, bench: Bench, judge: Judge) -> None:
    """Tasks, actor calls, 40 MB objects with their checksum and log files go both ways."""
    if worked.proofs:
        assert [proof.step for proof in worked.proofs] == list(STEPS)
    else:
        judge(every_node_worked({}, [one.host for one in bench.members()], worked.why))


@pytest.mark.starts
@pytest.mark.asks("job")
def test_a_job_runs_on_the_worker(worked: Worked, bench: Bench, judge: Judge) -> None:
    """A job submitted on 8265 runs on the worker, by its own word; status and log come back through the head."""
    job = worked.job or JobRun("NOT ENDED", "", worked.why)
    judge(job_ran(job.status, job.address, job.log, wanted=by_role(bench.members())["worker"][0].host))


@pytest.mark.starts
@pytest.mark.asks("guide")
def test_the_guides_tasks_are_on_their_way(guide_tasks: Future[Guide]) -> None:
    """The guide's own step 5 has been started, and runs beside what follows."""
    assert not guide_tasks.done() or guide_tasks.result()


@pytest.mark.waits
@pytest.mark.asks("guide")
def test_the_guides_one_liner_ends_well(run: Run, bench: Bench, guide_tasks: Future[Guide], judge: Judge) -> None:
    """The guide's tasks, as it writes them, end without an error, and each printed its number."""
    try:
        with run.progress.phase("wait for the guide's tasks"):
            printed = guide_tasks.result(timeout=deadlines.scaled(deadlines.INSTALL))
    finally:
        bench.driven = True
    judge(guide_printed(printed.before, printed.after, tasks=printed.tasks))
