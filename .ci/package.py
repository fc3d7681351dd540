"""Builds sdist and wheel, the same bytes from the same commit: `python .ci/package.py DIST`.

Setuptools takes SOURCE_DATE_EPOCH for the wheel; the sdist it packs with the times and owners of the checkout, so that
is packed anew.
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EPOCH = "SOURCE_DATE_EPOCH"


def main(dist: Path) -> None:
    """Build into `dist`; the time in the archives is SOURCE_DATE_EPOCH, or the commit's."""
    epoch = os.environ.get(EPOCH) or _commit_time()
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist), str(ROOT)]
    subprocess.run(command, env={**os.environ, EPOCH: epoch}, check=True, stdout=subprocess.DEVNULL)
    for sdist in dist.glob("*.tar.gz"):
        sdist.write_bytes(_packed(sdist, int(epoch)))
    for built in sorted(dist.iterdir()):
        print(built)


def _commit_time() -> str:
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _packed(sdist: Path, epoch: int) -> bytes:
    packed, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(sdist) as old, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.mode = 0o755 if member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    with gzip.GzipFile(filename="", mode="wb", fileobj=zipped, mtime=epoch) as file:
        file.write(packed.getvalue())
    return zipped.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
