"""One function decides what a plan says first; "Live jobs match the manifests" is said only where it is known and true."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.plan import table
from reconciler.renderers import headline, words
from reconciler.renderers.style import Style
from reconciler.renderers.table import PLAN_FORMATS
from reconciler.vocabulary.plans import Action, Against, Change, FieldChange, Part, Plan
from tests.support import examples
from tests.support.examples import noop, plan, saved

MATCH = "Live jobs match the manifests"
SINCE = Part(changed_since="origin/main")
SEEN = Against(f"sha256:{'ab' * 32}", "2026-01-02T00:04:05Z")
SCOPE = FieldChange("metadata.location", "us-central1", "europe-west4", "scope")
FINE = noop("up_to_date")


def named(name: str, reason: str, **more: Any) -> Change:
    return examples.change(name, Action.NOOP, reason, **more)


SAID: dict[str, tuple[Plan, str]] = {
    "all is as it should be": (
        plan(FINE, noop("already_ran", "its record is gone"), noop("not_active"), noop("absent")),
        "No changes. Live jobs match the manifests.",
    ),
    "a run that ended badly": (
        plan(FINE, named("a", "ended_kept")),
        "No changes. 1 run that ended is kept as it is: CustomJob/a.",
    ),
    "two that ended badly": (
        plan(named("a", "ended_kept"), named("b", "ended_kept")),
        "No changes. 2 runs that ended are kept as they are: CustomJob/a, CustomJob/b.",
    ),
    "more than are named": (
        plan(*(named(name, "ended_kept") for name in "abcde")),
        "No changes. 5 runs that ended are kept as they are: CustomJob/a, CustomJob/b, CustomJob/c and 2 more.",
    ),
    "a run that vanished": (
        plan(named("a", "vanished")),
        "No changes. 1 run is gone and nobody saw how it ended: CustomJob/a.",
    ),
    "an outcome that nobody saw": (
        plan(named("a", "outcome_unknown")),
        "No changes. 1 run ended and nobody saw how: CustomJob/a.",
    ),
    "a change that is kept": (
        plan(named("a", "change_kept")),
        "No changes. 1 active run keeps its old spec: CustomJob/a.",
    ),
    "another run beside that keeps its spec": (
        plan(named("a", "up_to_date", notes=("change_kept: a second active run goes on",))),
        "No changes. 1 active run keeps its old spec: CustomJob/a.",
    ),
    "a run that is stopping": (
        plan(named("a", "stopping")),
        "No changes. 1 run is still being cancelled: CustomJob/a.",
    ),
    "another run beside that is stopping": (
        plan(named("a", "up_to_date", notes=("stopping: a second run is still being cancelled",))),
        "No changes. 1 run is still being cancelled: CustomJob/a.",
    ),
    "a run that no manifest names": (
        plan(FINE, replace(named("a", "kept"), source=None)),
        "No changes. The runs of 1 address that no manifest names are kept: CustomJob/a.",
    ),
    "a record that stays": (
        plan(named("a", "cannot_delete")),
        "No changes. The record of 1 address stays, because its API has no delete: CustomJob/a.",
    ),
    "a finished run whose scope changed": (
        plan(named("a", "up_to_date", fields=(SCOPE,))),
        "No changes. 1 run is not in the project or location that its manifest names: CustomJob/a.",
    ),
    "several of these, in the order of the plan": (
        plan(named("a", "vanished"), named("b", "stopping"), named("c", "vanished")),
        "No changes. 2 runs are gone and nobody saw how they ended: CustomJob/a, CustomJob/c. "
        "1 run is still being cancelled: CustomJob/b.",
    ),
    "a reason of another version": (
        plan(named("a", "phase_of_the_moon")),
        "No changes. 1 address is left alone: CustomJob/a.",
    ),
    "a part": (replace(plan(FINE), part=SINCE), "No changes in this part: 1 address as the manifests say."),
    "a part with something kept": (
        replace(plan(FINE, named("a", "ended_kept")), part=SINCE),
        "No changes in this part. 1 run that ended is kept as it is: CustomJob/a.",
    ),
    "a part with nothing in it": (replace(plan(), part=SINCE), "No changes in this part: nothing is in it."),
    "a snapshot": (
        replace(plan(FINE, noop("absent")), against=SEEN),
        "No changes against the snapshot: 2 addresses as the manifests say.",
    ),
    "a part of a snapshot": (
        replace(plan(FINE), against=SEEN, part=SINCE),
        "No changes in this part against the snapshot: 1 address as the manifests say.",
    ),
    "nothing at all": (plan(), "No changes: there is no run and nothing is wanted."),
    "a blocked plan": (
        plan(FINE, blocked=examples.BLOCKED),
        "Plan: 0 to create, 0 to update, 0 to replace, 0 to cancel, 0 to delete, 1 unchanged.",
    ),
    "a plan with changes": (
        plan(FINE, examples.CHANGES[0]),
        "Plan: 1 to create, 0 to update, 0 to replace, 0 to cancel, 0 to delete, 1 unchanged.",
    ),
    "a part with changes": (
        replace(plan(FINE, examples.CHANGES[0]), part=SINCE),
        "Plan: 1 to create, 0 to update, 0 to replace, 0 to cancel, 0 to delete, 1 unchanged. "
        "Only a part of the stack was looked at.",
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_a_plan_says_first_what_is_known_and_true(case: str) -> None:
    shown, sentence = SAID[case]
    assert headline.of(shown) == sentence
    assert headline.is_match(shown) is (MATCH in sentence)


@pytest.mark.parametrize("case", SAID)
@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_every_form_for_people_says_it(case: str, form: str) -> None:
    shown, sentence = SAID[case]
    page = html.unescape(PLAN_FORMATS[form](shown, saved(shown), Style(width=0)))
    assert sentence in page.replace("`", "")
    assert (MATCH in page) is (MATCH in sentence)


def test_every_reason_of_a_noop_either_matches_or_is_told() -> None:
    reasons = {row.reason for row in table.TABLE if row.verdict is table.Verdict.NOOP}
    reasons |= {reason for verdict, reason, _ in table.ON_CHANGE.values() if verdict is table.Verdict.NOOP}
    assert reasons >= headline.MATCHING
    assert not headline.MATCHING & set(headline.UNMATCHED)
    for reason in reasons - headline.MATCHING:
        assert "left alone" not in headline.of(plan(named("a", reason))) or reason in words.REASONS


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_a_part_says_what_narrowed_it_in_every_form_for_people(form: str) -> None:
    page = html.unescape(PLAN_FORMATS[form](examples.PART, saved(examples.PART), Style(width=0)))
    assert "A part of the stack: --select CustomJob/* --exclude */old --changed-since origin/main." in page
    whole = replace(examples.PART, part=None)
    assert "part of" not in PLAN_FORMATS[form](whole, saved(whole), Style(width=0)).lower()


# ---------------------------------------------------------------- where manifests come from

FROM: dict[str, tuple[dict[str, Any], str]] = {
    "clean": ({"dirty": False, "differs": ()}, "from commit 9f3c2d1a"),
    "changed": (
        {"dirty": True, "differs": ("a.yaml", "b.yaml")},
        "from commit 9f3c2d1a (with uncommitted changes: a.yaml, b.yaml)",
    ),
    "changed, more than are named": (
        {"dirty": True, "differs": ("a", "b", "c", "d")},
        "from commit 9f3c2d1a (with uncommitted changes: a, b, c, …)",
    ),
    "changed, nobody knows where": (
        {"dirty": True, "differs": ()},
        "from commit 9f3c2d1a (with uncommitted changes)",
    ),
    "Git would not tell": (
        {"dirty": None, "differs": (), "unknown": "fatal: bad\n  index"},
        "from commit 9f3c2d1a (nobody could tell whether files differ from it: fatal: bad index)",
    ),
    "nobody could tell": (
        {"dirty": None, "differs": ()},
        "from commit 9f3c2d1a (nobody could tell whether files differ from it)",
    ),
    "some changed, others unknown": (
        {"dirty": True, "differs": ("a",), "unknown": "a filter"},
        "from commit 9f3c2d1a (with uncommitted changes: a; nobody could tell about other files: a filter)",
    ),
    "not even the commit": (
        {"revision": "", "dirty": None, "differs": (), "unknown": "dubious ownership"},
        "from no known commit (nobody could tell which: dubious ownership)",
    ),
    "outside Git": ({"revision": "", "dirty": None, "differs": ()}, ""),
}


@pytest.mark.parametrize("case", FROM)
@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_a_plan_says_on_one_line_which_commit_it_was_made_of(case: str, form: str) -> None:
    changed, sentence = FROM[case]
    shown = replace(plan(FINE), **changed)
    assert words.revision(shown) == sentence
    page = html.unescape(PLAN_FORMATS[form](shown, saved(shown), Style(width=0)))
    lines = [_plain(line) for line in page.splitlines()]
    assert any(sentence in line for line in lines)
    if not sentence:
        assert "commit" not in " ".join(line for line in lines if "Content-Security" not in line)[:400]


def _plain(line: str) -> str:
    for mark in ("`", "<code>", "</code>", '<strong class="warn">', "</strong>"):
        line = line.replace(mark, "")
    return line
