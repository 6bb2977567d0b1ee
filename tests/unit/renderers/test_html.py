"""The page of a plan as bytes: nothing fetched, nothing smuggled in, nothing secret, the same every time."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reconciler.core.plan import guards
from reconciler.renderers import escape, html_page, html_view, words
from reconciler.renderers.style import Style
from reconciler.vocabulary.plans import Action, Blocker, Plan
from tests.support import examples
from tests.support.checkout import ROOT
from tests.support.examples import EVERYTHING, change, saved
from tests.unit.renderers.test_hostile import HOSTILE, hostile_plan, steering

CSS = (Path(html_page.__file__).parent / "pages" / "plan.css").read_text(encoding="utf-8")


class Reading(HTMLParser):
    """What a parser makes of a page: tags with the names of their attributes, values, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.values: list[str] = []
        self.texts: list[str] = []
        self.raw: dict[str, str] = {}
        self._open = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.values.extend(value for _, value in attrs if value)
        if tag not in ("mark", "wbr") and ("class", "unbroken") not in attrs:
            self.tags.append((tag, *sorted(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        if self._open in ("style", "script"):
            self.raw[self._open] = self.raw.get(self._open, "") + data
        else:
            self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._open = "" if tag == self._open else self._open

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment",))


def page(plan: Plan, *, verbose: bool = False) -> str:
    return html_page.plan(plan, saved(examples.QUIET), Style(verbose=verbose))


def test_the_policy_lets_our_own_style_and_script_run_and_nothing_be_fetched() -> None:
    reading = Reading(page(EVERYTHING))
    [policy] = [value for value in reading.values if value.startswith("default-src")]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == "'none'"
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(reading.raw[tag].encode()).digest()).decode()
        assert rules.pop(f"{tag}-src") == f"'sha256-{digest}'"
    assert rules == {"img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}


def test_nothing_in_the_page_names_another_place() -> None:
    written = page(EVERYTHING)
    reading = Reading(written)
    named = [tag for tag in reading.tags if {"src", "srcset", "action", "style", "onclick"} & set(tag[1:])]
    assert named == []
    assert [tag for tag in reading.tags if "href" in tag[1:] and tag[0] not in ("a", "link")] == []
    links = re.findall(r'href="([^"]*)"', written)
    assert [link for link in links if not link.startswith(("#", "data:image/svg+xml,"))] == []
    assert re.findall(r"url\(|@import|https?://", reading.raw["style"] + reading.raw["script"]) == []


def test_the_same_plan_gives_the_same_bytes_in_every_process() -> None:
    script = (
        "import hashlib; from tests.unit.renderers.test_html import EVERYTHING, page; "
        "print(hashlib.sha256(page(EVERYTHING).encode()).hexdigest())"
    )
    wanted = hashlib.sha256(page(EVERYTHING).encode()).hexdigest()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True,
            cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"},
        )  # fmt: skip
        assert done.stdout.strip() == wanted


def test_no_secret_value_is_anywhere_in_the_page() -> None:
    assert examples.SECRET in str(saved(EVERYTHING))
    for verbose in (False, True):
        written = page(EVERYTHING, verbose=verbose)
        assert examples.SECRET not in written
        assert written.count("(sensitive)") > 2


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_value_changes_the_structure_of_the_page(bad: str) -> None:
    assert Reading(page(hostile_plan(bad))).tags == Reading(page(hostile_plan("x"))).tags


@pytest.mark.parametrize("bad", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_character_of_a_value_steers_the_reader_and_all_of_it_is_shown(bad: str) -> None:
    written = page(hostile_plan(bad))
    assert steering(written) == []
    text = "".join(Reading(written).texts)
    shown = escape.visible(bad)
    for part in (f"NasJob/{shown}", f"because {shown}", f"it said {shown}", f"projects/{shown}", f"spec.{shown}"):
        assert part in text
    assert f"CustomJob/{shown}" in Reading(written).values


def test_a_forged_plan_file_cannot_smuggle_markup_through_what_surrounds_the_plan() -> None:
    forged = {"digest": "<b>\x1b", "createdAt": '"><script>', "tool": {"name": "x", "version": "</style>\u202e"}}
    plain = {"digest": "a", "createdAt": "a", "tool": {"name": "x", "version": "a"}}
    written = html_page.plan(EVERYTHING, forged, Style())
    assert Reading(written).tags == Reading(html_page.plan(EVERYTHING, plain, Style())).tags
    assert steering(written) == []


def test_what_each_call_sends_is_left_out_of_a_huge_plan_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_page, "BODIES_UP_TO", len(EVERYTHING.changes) - 1)
    assert "What is sent" not in page(EVERYTHING)
    assert "is left out of a plan this large" in page(EVERYTHING)
    assert "What is sent" in page(EVERYTHING, verbose=True)
    assert "is left out of a plan this large" not in page(EVERYTHING, verbose=True)


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:59Z", "under 1 min"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:59:00Z", "59 min"),
        ("2026-01-01T00:00:00Z", "2026-01-01T03:00:00Z", "3 h"),
        ("2026-01-01T00:00:00Z", "2026-01-01T03:05:00Z", "3 h 5 min"),
        ("2026-01-01T00:00:00.300002Z", "2026-01-03T00:04:00Z", "2 d"),
        ("2026-01-01T00:00:00.123456789Z", "2026-03-02T05:59:00Z", "60 d 5 h"),
        ("2026-01-01T09:00:00+09:00", "2026-01-01T01:00:00Z", "1 h"),
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", ""),
        ("", "2026-01-01T00:00:00Z", ""),
        ("<b>", "2026-01-01T00:00:00Z", ""),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:00Z", ""),
        ("0001-01-01T00:00:00+23:59", "2026-01-01T00:00:00Z", None),
    ],
)
def test_an_age_is_the_time_between_two_moments_of_the_plan(since: str, until: str, told: str | None) -> None:
    shown = words.age(since, until)
    assert shown == told if told is not None else isinstance(shown, str)


@pytest.mark.parametrize(
    ("blocked", "flags"),
    [
        ((), ""),
        ((Blocker("unwritten_cancel", "", {"cancel": 2}),), " --allow-cancel 2"),
        ((Blocker("a", "", {"cancel": 2, "delete": 1}), Blocker("limits", "", {"cancel": 5})),
         " --allow-cancel 5 --allow-delete 1"),
        ((Blocker("empty", ""), Blocker("limits", "", {"cancel": 3})), " --allow-cancel 3 --allow-empty"),
        ((Blocker("protected", ""), Blocker("limits", "", {"cancel": 3})), None),
    ],
)  # fmt: skip
def test_the_command_lifts_what_blocks_the_plan_or_is_not_there(
    blocked: tuple[Blocker, ...], flags: str | None
) -> None:
    plan = replace(EVERYTHING, blocked=blocked)
    wanted = "" if flags is None else f"reconciler apply PLANFILE --expect-digest sha256:ab{flags}"
    assert html_view.command(plan, "sha256:ab") == wanted
    number = {verb: int(found) for verb, found in re.findall(r"--allow-(cancel|delete) (\d+)", wanted)}
    allowed = guards.Allowed(number.get("cancel", 0), number.get("delete", 0), "--allow-empty" in wanted)
    assert all(guards.permitted(blocker, allowed) for blocker in blocked) is (flags is not None)


def test_rows_stand_by_action_and_address_and_silent_noops_come_last() -> None:
    told = [
        (row.change.action, row.change.address)
        for row in html_view.rows(
            examples.plan(
                change("b", Action.NOOP, "up_to_date"),
                change("c", Action.NOOP, "ended_kept", notes=("look",)),
                change("b", Action.CREATE, "missing"),
                change("a", Action.CREATE, "missing"),
                change("a", Action.DELETE, "history"),
            ),
            examples.WRITTEN_AT,
            bodies=True,
        )
    ]
    assert told == [
        (Action.CREATE, "CustomJob/a"),
        (Action.CREATE, "CustomJob/b"),
        (Action.DELETE, "CustomJob/a"),
        (Action.NOOP, "CustomJob/c"),
        (Action.NOOP, "CustomJob/b"),
    ]


# ---------------------------------------------------------------- contrast

COLORS = {
    name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", CSS)
}
PAIRS = [
    *((ink, ground) for ink in ("text", "dim", "accent") for ground in ("page", "surface", "raised")),
    *((action.value, ground) for action in Action for ground in (f"{action.value}-soft", "surface", "page")),
    *(("text", f"{action.value}-soft") for action in Action),
    *(("dim", f"{action.value}-soft") for action in Action),
]


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_of_contrast_is_that_of_the_standard() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


@pytest.mark.parametrize(("ink", "ground"), PAIRS, ids=[f"{ink} on {ground}" for ink, ground in PAIRS])
def test_text_stands_out_from_its_ground_in_both_schemes(ink: str, ground: str) -> None:
    """WCAG 2.2 AA, 1.4.3: 4.5 to 1 for text of ordinary size."""
    for scheme in (0, 1):
        assert contrast(COLORS[ink][scheme], COLORS[ground][scheme]) >= 4.5


def test_marked_words_of_a_difference_stay_readable() -> None:
    marks = re.findall(r"mark \{[^}]*light-dark\((#\w{6}), (#\w{6})\)", CSS)
    assert len(marks) == 2
    for light, dark in marks:
        assert contrast(COLORS["text"][0], light) >= 4.5
        assert contrast(COLORS["text"][1], dark) >= 4.5
