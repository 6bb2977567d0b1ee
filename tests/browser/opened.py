"""A page of a plan in a browser beside the plan's JSON: what is seen, and what the plan says should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page

ORDER = ("create", "update", "replace", "cancel", "delete", "noop")


@dataclass(frozen=True)
class Opened:
    """`document` is the plan file's content."""

    page: Page
    document: Mapping[str, Any]

    def visible(self) -> list[str]:
        """The addresses of the rows that can be seen, from top to bottom."""
        return self._seen("details.change")

    def unfolded(self) -> list[str]:
        """The addresses of the rows whose details can be seen."""
        return self._seen("details.change > .body")

    def _seen(self, selector: str) -> list[str]:
        """Ask the browser in one call which elements take room: Playwright's own question is one a row."""
        script = """all => all.filter(one => one.checkVisibility() && one.getClientRects().length > 0)
            .map(one => one.closest("details.change").id)"""
        found: list[str] = self.page.locator(selector).evaluate_all(script)
        return found

    def expected(self, fits: Callable[[Mapping[str, Any]], bool]) -> list[str]:
        """The addresses of the plan's changes that fit, in the page's order."""
        told = [change for change in self.document["changes"] if fits(change)]

        def key(change: Mapping[str, Any]) -> tuple[int, bool, str]:
            return ORDER.index(change["action"]), change["action"] == "noop" and not change["notes"], change["address"]

        return [change["address"] for change in sorted(told, key=key)]

    @property
    def changing(self) -> list[str]:
        """What stands there at first: everything but what is unchanged."""
        return self.expected(lambda change: change["action"] != "noop")

    def change(self, address: str) -> Mapping[str, Any]:
        """One change of the plan's JSON."""
        [found] = [change for change in self.document["changes"] if change["address"] == address]
        return dict(found)

    def row(self, address: str) -> Locator:
        return self.page.locator(f'details.change[id="{address}"]')

    def filter(self, action: str) -> Locator:
        return self.page.locator(f"button[data-filter={action}]")

    def search(self, text: str) -> None:
        self.page.get_by_role("searchbox").fill(text)

    def focused(self) -> str:
        """The address of the row that holds the focus, empty where none does."""
        script = "() => document.activeElement.closest('details.change')?.id ?? ''"
        return str(self.page.evaluate(script))

    def style(self, selector: str, name: str) -> str:
        """A computed style of the first element."""
        script = "(element, name) => getComputedStyle(element)[name]"
        return str(self.page.locator(selector).first.evaluate(script, name))
