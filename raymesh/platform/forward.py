"""A port-forward that stays: kubectl ends one when its pod goes, and it is opened again where it was."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from types import TracebackType

from raymesh.errors import CommandError, Stopped, WaitTimeout
from raymesh.machine.programs import end_group, start
from raymesh.waiting import wait_for

LOG = logging.getLogger(__name__)
LISTENS = re.compile(r"^Forwarding from (127\.0\.0\.1:(\d+)) ", re.MULTILINE)
EVERY_SECONDS = 0.5
LAST_CHARS = 300


class Forward:
    """Leads from a port of loopback to `port` of a pod or Service, from entering the block to its end.

    `words` are kubectl's without the ports, `what` names it in errors, `within` is the seconds that opening may take,
    `local` the port of loopback that is taken if it is free.
    """

    def __init__(self, words: Sequence[str], port: int, what: str, within: float, *, local: int = 0) -> None:
        self._wanted = str(local) if local else ""
        self._words, self._port, self._what, self._within = words, port, what, within
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the block ends
        self._left = threading.Event()
        self._guard = threading.Thread(target=self._keep_open, daemon=True)
        self._process: subprocess.Popen[str]

    def __enter__(self) -> str:
        """Return HOST:PORT. Raises CommandError where it does not open, with kubectl's reason."""
        try:
            self._address, self._local = self._open_anywhere()
        except BaseException:
            self._said.close()
            raise
        self._guard.start()
        return self._address

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        end_group(self._process)
        self._guard.join()
        end_group(self._process)  # one that was just opened again
        self._said.close()

    def _open_anywhere(self) -> tuple[str, str]:
        if self._wanted:
            try:
                return self._open(self._wanted)
            except CommandError as error:
                LOG.info("%s", error)
        return self._open("")

    def _open(self, local: str) -> tuple[str, str]:
        """Open it at `local`, or anywhere; return HOST:PORT and PORT. What was said of it stays readable."""
        self._said.seek(0)  # a file: a pipe is full one day, as nobody reads it
        self._said.truncate()
        self._process = start([*self._words, f"{local}:{self._port}"], stdout=self._said, stderr=subprocess.STDOUT)

        def opened() -> re.Match[str] | None:
            if self._left.is_set():
                raise Stopped(f"{self._what} is not needed any more")
            ended = self._process.poll() is not None  # asked first: what it said last is there then
            if ended:
                raise CommandError(f"no {self._what}: {self._last_words() or 'kubectl ended without a word'}")
            return LISTENS.search(self._last_words())

        try:
            found = wait_for(self._what, opened, until=bool, within=self._within, every=0.05)
        except WaitTimeout:
            last = self._last_words() or "kubectl is silent"
            end_group(self._process)
            raise CommandError(f"no {self._what} in {self._within:g} s: {last}") from None
        except BaseException:
            end_group(self._process)
            raise
        assert found is not None
        return found[1], found[2]

    def _last_words(self) -> str:
        end = os.fstat(self._said.fileno()).st_size  # pread: to move its position would move kubectl's
        return os.pread(self._said.fileno(), LAST_CHARS, max(0, end - LAST_CHARS)).decode(errors="replace").strip()

    def _keep_open(self) -> None:
        why = ""  # said once: where it leads may stay away for long
        while not self._left.wait(EVERY_SECONDS):
            if self._process.poll() is None:
                why = ""
                continue
            if not why:
                LOG.warning("%s ended: %s; it is opened again", self._what, self._last_words())
            try:
                self._open(self._local)
            except CommandError as error:  # as long as it is not open, who asks through it gets no answer
                if not why:
                    LOG.warning("%s", error)
                why = str(error)
            except Stopped:
                return
