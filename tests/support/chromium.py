"""A headless Chromium of this machine, driven by Playwright. Downloads none: who has no Chromium has no pictures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
"""Chromium as a guest in a container: no sandbox of its own, and no request but those of the page."""
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

MISSING = "no Chromium here: install it (Debian: apt-get install chromium) or name it in RECONCILER_CHROMIUM"


def program() -> str:
    """Return where Chromium is on this machine, empty where it is not."""
    places = (os.environ.get("RECONCILER_CHROMIUM"), *(shutil.which(name) for name in _NAMES))
    return next((place for place in places if place), "")


@contextmanager
def browser() -> Iterator[Browser]:
    """Open a headless Chromium for a while."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program(), headless=True, args=list(ARGUMENTS))
        try:
            yield opened
        finally:
            opened.close()
