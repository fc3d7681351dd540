"""The wheel carries the suite and what it stands on, as raymesh/suite: `raymesh prove` takes no checkout.

They keep their places in the tree; at the top of site-packages `tests` and `fixtures` would be other projects' names.
All else that is said about the package is in pyproject.toml.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

TREE = Path(__file__).parent
SUITE = ("pyproject.toml", "conftest.py", "fixtures", "images", "manifests", "tests/e2e", "tests/faults")


class WithSuite(build_py):
    """Copies the suite beside the modules, where they are copied at all."""

    def run(self) -> None:
        """Build as ever; an editable install is a checkout, and has the suite."""
        super().run()
        if self.editable_mode:
            return
        suite = Path(self.build_lib) / "raymesh" / "suite"
        shutil.rmtree(suite, ignore_errors=True)
        for name in SUITE:
            source, target = TREE / name, suite / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)


# An index shows README without the files beside it: its pictures, each on a line of its own, are left out.
README = [line for line in (TREE / "README.md").read_text().splitlines(keepends=True) if not line.startswith("![")]

setup(
    cmdclass={"build_py": WithSuite},
    long_description="".join(README),
    long_description_content_type="text/markdown",
)
