"""Pages as the command writes them, opened in Chromium. Whatever a page fetches or complains of fails its test.

Where no Chromium is installed these tests are left out: tests/conftest.py says so at the end of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.cli import main
from reconciler.files import planfile
from reconciler.renderers import html_page
from reconciler.renderers.style import Style
from tests.browser.opened import Opened
from tests.support import chromium, examples
from tests.unit.renderers.test_hostile import HOSTILE, hostile_plan
from tools.pages import sample_plans
from tools.pages.sample_plans import Sample

if TYPE_CHECKING:
    from playwright.sync_api import Browser

collect_ignore_glob = [] if chromium.program() else ["test_*.py"]

Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, dict[str, Any]]]:
    """Return the page of a plan and the plan file's content by the plan's name; each is made once."""
    folder = tmp_path_factory.mktemp("pages")
    made: dict[str, tuple[Path, dict[str, Any]]] = {}

    def page(name: str) -> tuple[Path, dict[str, Any]]:
        if name not in made:
            made[name] = MAKERS[name](folder / f"{name}.html")
        return made[name]

    return page


def _through_the_command(sample: Callable[[], Sample], html: Path) -> tuple[Path, dict[str, Any]]:
    document = sample().document
    file = html.with_suffix(".plan.json")
    file.write_text(planfile.dump(document), encoding="utf-8")
    assert main.run(["show", str(file), "-o", f"html={html}"]) == 0
    return html, document


def _rendered(plan: Any, html: Path) -> tuple[Path, dict[str, Any]]:
    """Write a page of what no plan file may hold; its changes are told by the parts that a page shows."""
    html.write_text(html_page.plan(plan, examples.saved(examples.EVERYTHING), Style()), encoding="utf-8")
    changes = [{"address": change.address, "action": change.action.value} for change in plan.changes]
    return html, {"changes": changes}


def _hostile() -> Any:
    changes = [change for bad in HOSTILE.values() for change in hostile_plan(bad).changes]
    return examples.plan(*changes, blocked=hostile_plan(HOSTILE["html"]).blocked)


MAKERS: dict[str, Callable[[Path], tuple[Path, dict[str, Any]]]] = {
    "small": lambda html: _through_the_command(sample_plans.small, html),
    "crowd": lambda html: _through_the_command(sample_plans.crowd, html),
    "everything": lambda html: _rendered(examples.EVERYTHING, html),
    "quiet": lambda html: _rendered(examples.QUIET, html),
    "hostile": lambda html: _rendered(_hostile(), html),
}


@pytest.fixture
def open_page(browser: Browser, pages: Callable[[str], tuple[Path, dict[str, Any]]]) -> Iterator[Open]:
    """Open pages in windows of their own; at the end no page may have fetched, logged or thrown anything."""
    contexts, complaints, fetched, known = [], [], [], set()

    def open_page(name: str, fragment: str = "", **window: Any) -> Opened:
        html, document = pages(name)
        known.add(html.as_uri())
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **window})
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: fetched.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(html.as_uri() + fragment)
        return Opened(page, document)

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert {url.partition("#")[0] for url in fetched if not url.startswith("data:")} <= known
