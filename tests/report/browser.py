"""A real browser: Chromium of the machine where there is one, else unpacked from Debian packages as all tools are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from raymesh.machine.toolbox import toolbox
from raymesh.progress import Progress

NAMES = ("chromium", "chromium-browser", "google-chrome")
FONTS = """\
<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""


@dataclass(frozen=True)
class Program:
    """Where the browser is, and the variables that it needs besides."""

    path: Path
    environment: dict[str, str]


def found(folder: Path) -> Program:
    """Return the browser; `folder` is for what it needs written. Raises EnvironmentFault where none can be had."""
    there = next((path for name in NAMES if (path := shutil.which(name))), None)
    if there:
        return Program(Path(there), {})
    box = toolbox("browser", Progress())
    libraries = box.environment["LD_LIBRARY_PATH"]
    fonts = folder / "fonts.conf"
    fonts.write_text(FONTS.format(fonts=box.root / "usr/share/fonts", cache=folder / "fonts"))
    pulse = os.pathsep.join(f"{library}/pulseaudio" for library in libraries.split(os.pathsep))
    return Program(
        box.root / "usr/lib/chromium/chromium-headless-shell",
        {"LD_LIBRARY_PATH": os.pathsep.join((libraries, pulse)), "FONTCONFIG_FILE": str(fonts)},
    )


@contextmanager
def started(program: Program) -> Iterator[Browser]:
    """Yield the browser; root may not use its sandbox."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        environment: dict[str, str | float | bool] = {**os.environ, **program.environment}
        browser = playwright.chromium.launch(executable_path=program.path, args=sandbox, env=environment)
        try:
            yield browser
        finally:
            browser.close()
