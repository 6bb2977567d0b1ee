"""Draw the HTML of sample plans in Chromium, to be looked at; `--keep` writes the two pictures of docs/ anew.

Needs Chromium on the path (Debian: `apt-get install chromium`), or its place in RECONCILER_CHROMIUM; to keep pictures,
pngquant too, which makes them a third as large.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reconciler.renderers import html_page
from reconciler.renderers.style import Style
from tests.support import chromium
from tools.pages import sample_plans
from tools.pages.sample_plans import Sample

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: the window in CSS pixels, the colours, and what is done to the page first."""

    sample: str
    width: int
    height: int
    colors: Literal["light", "dark"] = "light"
    act: Callable[[Page], None] | None = None
    whole: bool = False
    printed: bool = False


def _unfold(page: Page) -> None:
    page.locator("details.change.replace > summary").nth(1).click()


def _unfold_all(page: Page) -> None:
    page.locator("#unfold").click()
    page.locator("details.sent summary").first.click()


def _search(page: Page) -> None:
    page.locator("[data-filter=replace]").click()
    page.locator("#search").fill("bert europe")
    page.locator("details.change.replace:visible > summary").nth(1).click()


def _fold_out_unchanged(page: Page) -> None:
    page.locator("#unchanged > summary").click()


def _help(page: Page) -> None:
    page.keyboard.press("?")


SHOTS: Mapping[str, Shot] = {
    "small-light": Shot("small", 1280, 900, act=_unfold, whole=True),
    "small-dark": Shot("small", 1280, 900, "dark", act=_unfold, whole=True),
    "small-all": Shot("small", 1280, 900, act=_unfold_all, whole=True),
    "small-middling": Shot("small", 820, 900, act=_unfold, whole=True),
    "small-narrow": Shot("small", 390, 844, act=_unfold, whole=True),
    "small-narrow-dark": Shot("small", 390, 844, "dark", act=_unfold, whole=True),
    "small-help": Shot("small", 1280, 900, act=_help),
    "small-print": Shot("small", 760, 1000, whole=True, printed=True),
    "crowd-light": Shot("crowd", 1280, 900),
    "crowd-search-dark": Shot("crowd", 1280, 900, "dark", act=_search),
    "crowd-narrow": Shot("crowd", 390, 844),
    "crowd-narrow-search": Shot("crowd", 390, 844, act=_search),
    "unchanged": Shot("small", 1280, 900, act=_fold_out_unchanged, whole=True),
}
KEPT: Mapping[str, Shot] = {
    "plan-light.png": Shot("small", 1100, 1340, act=_unfold),
    "plan-500-dark.png": Shot("crowd", 1100, 1080, "dark", act=_search),
}
SAMPLES: Mapping[str, Callable[[], Sample]] = {"small": sample_plans.small, "crowd": sample_plans.crowd}


def draw(opened: Browser, shot: Shot, html: Path, picture: Path) -> None:
    """Open a page as a shot says and save what is seen."""
    context = opened.new_context(
        viewport={"width": shot.width, "height": shot.height}, color_scheme=shot.colors, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(html.as_uri())
    if shot.act:
        shot.act(page)
    page.mouse.move(0, 0)
    if shot.printed:
        page.emulate_media(media="print")
    page.screenshot(path=picture, full_page=shot.whole)
    context.close()


def run(arguments: list[str]) -> int:
    """Draw every shot into a folder, or the kept ones into docs/pictures; return the exit code."""
    parser = argparse.ArgumentParser(description="Draw the HTML of sample plans.")
    parser.add_argument("folder", nargs="?", default="build/pictures", type=Path)
    parser.add_argument("--keep", action="store_true", help="draw what docs/ shows, into docs/pictures")
    parser.add_argument("--only", default="", help="draw the shots whose name holds this")
    options = parser.parse_args(arguments)
    if not chromium.program():
        print(chromium.MISSING, file=sys.stderr)
        return 1
    if options.keep and not shutil.which("pngquant"):
        print("no pngquant here: install it (Debian: apt-get install pngquant)", file=sys.stderr)
        return 1
    folder: Path = PICTURES if options.keep else options.folder
    folder.mkdir(parents=True, exist_ok=True)
    shots = {name: shot for name, shot in (KEPT if options.keep else SHOTS).items() if options.only in name}
    with chromium.browser() as opened:
        for sample in sorted({shot.sample for shot in shots.values()}):
            made = SAMPLES[sample]()
            html = Path("build") / f"{sample}.html"
            html.parent.mkdir(exist_ok=True)
            html.write_text(html_page.plan(made.plan, made.document, Style()), encoding="utf-8")
            for name, shot in shots.items():
                if shot.sample == sample:
                    draw(opened, shot, html.resolve(), target := folder / (name if options.keep else f"{name}.png"))
                    if options.keep:
                        subprocess.run(["pngquant", "--force", "--ext", ".png", "160", str(target)], check=True)
                    print(f"drawn: {target}")
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
