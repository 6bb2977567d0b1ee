"""A plan that was made without a look at the live jobs says so in every form that has room for a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from reconciler.renderers import html_page, html_view, json_output, markdown, text
from reconciler.renderers.style import Style
from reconciler.vocabulary.plans import Against, Plan
from tests.support.examples import EVERYTHING, QUIET, saved

DIGEST = f"sha256:{'ab' * 32}"
BLIND = Against(DIGEST, "2026-01-02T00:04:05Z")
FORMS: dict[str, Callable[[Plan, Mapping[str, Any], Style], str]] = {
    "text": text.plan,
    "markdown": markdown.plan,
    "html": html_page.plan,
}


@pytest.mark.parametrize("shown", [EVERYTHING, QUIET], ids=["with changes", "without"])
@pytest.mark.parametrize("form", FORMS)
def test_the_snapshot_its_time_its_age_and_its_digest_are_told(form: str, shown: Plan) -> None:
    plan = replace(shown, against=BLIND)
    page = FORMS[form](plan, saved(plan), Style(width=400))
    assert f"Made against a snapshot of 2026-01-02T00:04:05Z, 3 h old ({DIGEST}), not live." in page
    assert "snapshot" not in FORMS[form](shown, saved(shown), Style(width=400))


def test_json_has_it_as_a_field() -> None:
    plan = replace(QUIET, against=BLIND)
    told = json.loads(json_output.plan(plan, saved(plan), Style()))
    assert told["against"] == {"digest": DIGEST, "createdAt": "2026-01-02T00:04:05Z"}
    assert json.loads(json_output.plan(QUIET, saved(QUIET), Style()))["against"] is None


def test_no_command_is_offered_that_apply_would_refuse() -> None:
    assert html_view.command(QUIET, "sha256:ab")
    assert html_view.command(replace(QUIET, against=BLIND), "sha256:ab") == ""
