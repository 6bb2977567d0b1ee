"""Fill the generated parts of docs/: decision table, kinds, the emulator's fidelity, the pipelines that `init` writes.
Leaves every other word alone.

A page marks such a part with `<!-- generated: NAME -->` and `<!-- end of NAME -->`. `--check` writes nothing and exits
1 where a page differs from what would be written.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys
from collections.abc import Mapping

from tools.pages import client_matrix, decision_pages, doubts, error_pages, fidelity_pages, kind_pages, method_pages

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
PIPELINES = DOCS.parent / "reconciler" / "cli" / "commands" / "new_stack"
_PART = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end of (?P=name) -->)", re.DOTALL)


class PageError(Exception):
    """A page lacks a marked part, or marks one that nobody generates."""


def parts() -> dict[str, dict[str, str]]:
    """Return the generated parts by page (a path below docs/) and name."""
    return {
        "ci.md": {
            f"{file.stem}-pipeline": f"```yaml\n{file.read_text('utf-8')}```" for file in PIPELINES.glob("*.yaml")
        },
        "decisions.md": decision_pages.parts(),
        "fidelity.md": {
            **method_pages.parts(),
            **client_matrix.parts(),
            **error_pages.parts(),
            **doubts.parts(),
            **fidelity_pages.parts(),
        },
        **kind_pages.pages(),
    }


def generate(docs: pathlib.Path = DOCS) -> dict[str, str]:
    """Return the whole text of every page with generated parts, by its path below docs/. Raises PageError."""
    return {page: fill(page, (docs / page).read_text(encoding="utf-8"), made) for page, made in parts().items()}


def fill(page: str, text: str, made: Mapping[str, str]) -> str:
    """Put the generated parts into a page. Raises PageError unless its marks are exactly the parts made for it."""
    marked = [found["name"] for found in _PART.finditer(text)]
    if sorted(marked) != sorted(made):
        raise PageError(f"docs/{page} marks the parts {sorted(marked)}; generated are {sorted(made)}")
    return _PART.sub(lambda found: f"{found[1]}\n{made[found['name']].strip()}\n\n{found[3]}", text)


def run(arguments: list[str]) -> int:
    """Generate or check; return the exit code."""
    parser = argparse.ArgumentParser(description="Fill the generated parts of docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where pages are not up to date")
    options = parser.parse_args(arguments)
    try:
        pages = generate()
    except (PageError, OSError) as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    stale = [page for page, text in pages.items() if (DOCS / page).read_text(encoding="utf-8") != text]
    for page in stale:
        print(f"{'differs' if options.check else 'written'}: docs/{page}")
        if not options.check:
            (DOCS / page).write_text(pages[page], encoding="utf-8")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
