"""What the goldens hold. To write them anew after a change of form, from the repository's root:

    .venv/bin/python -m tests.unit.renderers.goldens

and then read the difference before it is committed. No test ever writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from reconciler.renderers import github, gitlab, html_page, json_output, junit, markdown, results, sarif, text
from reconciler.renderers.style import Style
from reconciler.vocabulary import errors
from tests.support import examples
from tests.support.examples import EVERYTHING, PART, QUIET, saved

FOLDER = Path(__file__).parent / "golden"
PLAIN = Style(width=100)
LARGE = examples.plan(*(examples.change(f"job-{n:03}", *examples.CASES[n % 3]) for n in range(60)))


def _without_assets(page: str) -> str:
    """Leave out style, script and their hashes: nobody reads them here, and they stand in reconciler/renderers/pages."""
    return re.sub(r"(?s)(?<=<style>).*?(?=</style>)|(?<=<script>).*?(?=</script>)|(?<=sha256-)[\w+/]{43}=", "…", page)


GOLDENS: dict[str, Callable[[], str]] = {
    "plan.txt": lambda: text.plan(EVERYTHING, saved(EVERYTHING), PLAIN),
    "plan_colored.txt": lambda: text.plan(EVERYTHING, saved(EVERYTHING), Style(color=True)),
    "plan_verbose.txt": lambda: text.plan(
        examples.plan(*examples.CHANGES[:1]), saved(examples.plan(*examples.CHANGES[:1])), Style(verbose=True)
    ),
    "plan_large.txt": lambda: text.plan(LARGE, saved(LARGE), PLAIN),
    "plan_quiet.txt": lambda: text.plan(QUIET, saved(QUIET), PLAIN),
    "plan.json": lambda: json_output.plan(EVERYTHING, saved(EVERYTHING), PLAIN),
    "plan.md": lambda: markdown.plan(EVERYTHING, saved(EVERYTHING), PLAIN),
    "plan.html": lambda: _without_assets(html_page.plan(EVERYTHING, saved(EVERYTHING), PLAIN)),
    "plan_quiet.md": lambda: markdown.plan(QUIET, saved(QUIET), PLAIN),
    "plan_part.txt": lambda: text.plan(PART, saved(PART), PLAIN),
    "plan_part.md": lambda: markdown.plan(PART, saved(PART), PLAIN),
    "plan_part.html": lambda: _without_assets(html_page.plan(PART, saved(PART), PLAIN)),
    "plan_part.json": lambda: json_output.plan(PART, saved(PART), PLAIN),
    "problems.txt": lambda: results.problems(examples.PROBLEMS, PLAIN),
    "problems.json": lambda: json_output.problems(examples.CHECKED, PLAIN),
    "problems.sarif": lambda: sarif.problems(examples.CHECKED, PLAIN),
    "problems.junit.xml": lambda: junit.problems(examples.CHECKED, PLAIN),
    "problems.github": lambda: github.problems(examples.CHECKED, PLAIN),
    "problems.gitlab.json": lambda: gitlab.problems(examples.CHECKED, PLAIN),
    "plan.gitlab.json": lambda: gitlab.plan(EVERYTHING, saved(EVERYTHING), PLAIN),
    "outcomes.txt": lambda: results.outcomes("sha256:ab", examples.OUTCOMES, PLAIN),
    "outcomes_done.txt": lambda: results.outcomes("sha256:ab", examples.DONE, PLAIN),
    "outcomes.json": lambda: json_output.outcomes("sha256:ab", examples.OUTCOMES, PLAIN),
    "table.txt": lambda: results.table(examples.HEADER, examples.ROWS, PLAIN),
    "error.txt": lambda: results.error(
        errors.InputError("2 problems in 1 file", "mend them and run validate", examples.PROBLEMS[1:3]), PLAIN
    ),
}
"""File name → what it has to hold."""


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, render in GOLDENS.items():
        (FOLDER / name).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    write()
