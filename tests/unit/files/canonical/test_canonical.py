"""Manifests in canonical form: a reviewed sample, a table of rules, and laws over generated files."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.spec import key_order
from reconciler.files import schemas, yaml_reader
from reconciler.files.canonical import comments, layout
from reconciler.vocabulary.kinds import Kinds
from tests.unit.files.test_manifest_writer import MANIFESTS

SAMPLES = Path(__file__).parent
HEAD = "apiVersion: aiplatform.googleapis.com/v1\nkind: CustomJob\n"


@cache
def kinds() -> Kinds:
    return schemas.load_kinds()


def rewrite(text: str, *, as_json: bool = False) -> str:
    made = layout.rewrite(text, "job.yaml", kinds(), as_json=as_json)
    assert made.problems == ()
    assert made.notes == ()
    return made.text


def test_the_sample_becomes_what_a_person_has_read() -> None:
    assert rewrite((SAMPLES / "written.yaml").read_text()) == (SAMPLES / "canonical.yaml").read_text()


RULES = {
    "keys stand in the schema's order": (
        "spec: {}\nmetadata: {labels: {}, name: a}\nlifecycle: {}\n",
        "metadata: {name: a, labels: {}}\nlifecycle: {}\nspec: {}\n",
    ),
    "unknown keys come last in their own order": (
        "spec: {zeta: 1, alpha: 2, jobSpec: {}}\n",
        "spec: {jobSpec: {}, zeta: 1, alpha: 2}\n",
    ),
    "field names become camelCase where validate reads them so": (
        "spec: {job_spec: {worker_pool_specs: [{container_spec: {env: []}}]}, no_field: 1}\n",
        "spec: {jobSpec: {workerPoolSpecs: [{containerSpec: {env: []}}]}, no_field: 1}\n",
    ),
    "labels are sorted and keep their spelling": (
        "metadata: {labels: {b_c: x, a: y}}\n",
        "metadata: {labels: {a: y, b_c: x}}\n",
    ),
    "both spellings of one field stay for validate to refuse": (
        "spec: {job_spec: {}, jobSpec: {}}\n",
        "spec: {jobSpec: {}, job_spec: {}}\n",
    ),
    "quotes that nothing needs go": (
        "metadata: {'name': \"a\"}\n",
        "metadata: {name: a}\n",
    ),
    "quotes that hold a type stay": (
        "spec: {a: ['1', \"no\", 'y', '', '2026-11', '1e3', 'a: b', '# c', '*x', \"a\\tb\"]}\n",
        "spec: {a: ['1', \"no\", 'y', '', '2026-11', '1e3', 'a: b', '# c', '*x', \"a\\tb\"]}\n",
    ),
    "a flow collection over several lines becomes a block": (
        "spec: {jobSpec: {\n  network: a, # n\n  # last\n }} # end\n",
        "spec: # end\n  jobSpec:\n    network: a # n\n    # last\n",
    ),
    "an empty flow collection stays one": ("spec: {\n}\n", "spec: {}\n"),
    "text over several lines keeps its lines": (
        "spec:\n      a: one\n          two\n\n          three\n      b: \"x\n        y\\\n        z\"\n",
        "spec:\n  a: one\n    two\n\n    three\n  b: \"x\n    y\\\n    z\"\n",
    ),
    "block text keeps its head and its lines": (
        "spec:\n    a: |2-  # c\n        x\n      y\n\n    b: >+\n      z\n\n    c: 1\n",
        "spec:\n  a: |2-  # c\n      x\n    y\n\n  b: >+\n    z\n\n  c: 1\n",
    ),
    "blank lines shrink to one and none opens a block": (
        "\n\nspec:\n\n  a: 1\n\n\n\n  b: 2\n\n\n",
        "spec:\n  a: 1\n\n  b: 2\n",
    ),
    "anchors and aliases stay": (
        "spec: {jobSpec: &x {network: a}, z: *x}\n",
        "spec: {jobSpec: &x {network: a}, z: *x}\n",
    ),
    "a comment above the first key behind a dash moves above the dash": (
        "spec:\n  a:\n  -\n    # c\n    b: 1\n",
        "spec:\n  a:\n    # c\n    - b: 1\n",
    ),
    "a comment between key and value moves above the key": (
        "spec:\n  a:\n    # c\n    text\n",
        "spec:\n  # c\n  a: text\n",
    ),
    "a comment that closes a deeper block stays in it": (
        "spec:\n  jobSpec:\n    network: x\n    # of jobSpec\n  # of spec\n# of all\n",
        "spec:\n  jobSpec:\n    network: x\n    # of jobSpec\n  # of spec\n# of all\n",
    ),
    "nulls and explicit keys stay what they are": (
        "spec:\n  ? a\n  : 1\n  b:\n  c: [~, ]\n",
        "spec:\n  a: 1\n  b:\n  c: [~]\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("written", "canonical"), RULES.values(), ids=RULES.keys())
def test_a_rule_holds(written: str, canonical: str) -> None:
    made = rewrite(HEAD + written)
    assert made.replace(HEAD, "") == canonical
    assert rewrite(made) == made


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("# head\n---\nkind: A\n---\n---\n# b\nkind: B\n...\n", "# head\n---\nkind: A\n---\n# b\nkind: B\n"),
        ("kind: A\n# about B\n---  # x\nkind: B\n", "kind: A\n# about B\n---  # x\nkind: B\n"),
        ("# model\n\n# more\nkind: A\n", "# model\n\n# more\nkind: A\n"),
        ("kind: A", "kind: A\n"),
        ("\ufeffkind: A\n", "kind: A\n"),
        ("kind: A\r\nspec: 1\n", "kind: A\r\nspec: 1\r\n"),
        ("kind: A\nspec: 1\r\n", "kind: A\nspec: 1\n"),
        ("{kind: A, apiVersion: b} # c\n", "# c\n{apiVersion: b, kind: A}\n"),
        (
            "items: [{spec: 1,\n kind: A}]\nkind: List\napiVersion: v1\n",
            "apiVersion: v1\nkind: List\nitems:\n  - kind: A\n    spec: 1\n",
        ),
    ],
)
def test_documents_and_line_ends_keep_to_their_rules(written: str, canonical: str) -> None:
    assert rewrite(written) == canonical
    assert rewrite(canonical) == canonical


def test_json_stays_json() -> None:
    written = '{"spec": {"b": 1.0, "a": [1, "é"]},\r\n "kind": "A"}'
    canonical = '{\n  "kind": "A",\n  "spec": {\n    "b": 1.0,\n    "a": [\n      1,\n      "é"\n    ]\n  }\n}\n'
    assert rewrite(written, as_json=True) == canonical.replace("\n", "\r\n")
    assert rewrite(canonical, as_json=True) == canonical


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("kind: [\n", "yaml-syntax"),
        ("kind: A\nkind: B\n", "duplicate-key"),
        ("kind: A\n<<: {}\n", "merge-key"),
        ("just text\n", "not-a-manifest"),
        ("kind: A\nspec: *x\n", "undefined-alias"),
    ],
)
def test_what_cannot_be_read_is_not_rewritten(text: str, rule: str) -> None:
    made = layout.rewrite(text, "job.yaml", kinds(), as_json=False)
    assert made.text == text
    assert [problem.rule for problem in made.problems] == [rule]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("? |\n  a\n: 1\nkind: A\n", "left as it is: a key is a block of text"),
        ("%YAML 1.2\n---\nspec: 1\nkind: A\n", "left as it is: it has directives (%YAML, %TAG)"),
        ('spec: "a\u2028b"\nkind: A\n', "left as it is: it holds a character that some readers of YAML"),
    ],
)
def test_what_would_not_survive_is_left_alone_and_told(text: str, note: str) -> None:
    made = layout.rewrite(text, "job.yaml", kinds(), as_json=False)
    assert made.text == text
    assert made.notes[0].startswith(note)


def test_keys_keep_their_order_where_an_alias_would_come_before_its_anchor() -> None:
    text = "spec:\n   jobSpec: &x\n      network: a\nkind: CustomJob\nlifecycle: {a: *x}\n"
    made = layout.rewrite(text, "job.yaml", kinds(), as_json=False)
    assert made.text == "spec:\n  jobSpec: &x\n    network: a\nkind: CustomJob\nlifecycle: {a: *x}\n"
    assert "an alias would come before its anchor" in made.notes[0]


@pytest.mark.parametrize(
    ("text", "made", "rules"),
    [
        ("spec:   1\nkind: A\n", "kind: A\nspec: 1\n", []),
        ("spec:   1\nkind: A\n", "kind: A\nspec: 1.0\n", ["not-rewritten"]),
        ("kind: A # c\n", "kind: A\n", ["not-rewritten"]),
    ],
)
def test_a_change_of_meaning_and_a_lost_comment_are_refused(text: str, made: str, rules: list[str]) -> None:
    found = layout.checked(text, made, "job.yaml", kinds(), as_json=False)
    assert [problem.rule for problem in found.problems] == rules
    assert found.text == (text if rules else made)


# ---------------------------------------------------------------- laws over generated files


@dataclass
class Hand:
    """Writes a value as somebody might: any indentation, flow or block, quotes, comments that name their key."""

    chance: random.Random
    lines: list[str] = field(default_factory=list)
    number: int = 0
    items: set[str] = field(default_factory=set)
    """Marks of entries without a key, whose comments name nothing that can be found."""

    def write(self, value: Any, indent: int, lead: str = "") -> None:
        """Write a block, whose first line starts with `lead` in place of its indentation."""
        is_map = isinstance(value, dict)
        for item in value.items() if is_map else [(None, each) for each in value]:
            self.number += 1
            if not is_map:
                self.items.add(f"k{self.number}_")
            if not lead and self.chance.random() < 0.3:
                self.lines.extend([""] * self.chance.randint(0, 2))
                self.lines.append(" " * indent + f"# before k{self.number}_")
            mark = f"k{self.number}_{item[0] if self.chance.random() < 0.2 else ''}"
            intro = (lead or " " * indent) + (f"{self.quoted(mark)}:" if is_map else "-")
            self._value(item[1], intro, indent, self.number, is_map=is_map)
            lead = ""

    def _value(self, value: Any, intro: str, indent: int, number: int, *, is_map: bool) -> None:
        remark = f"   # beside k{number}_" if is_map and self.chance.random() < 0.3 else ""
        below = indent + self.chance.randint(1, 4)
        if not value or not isinstance(value, dict | list) or self.chance.random() < 0.2:
            self.lines.append(f"{intro} {json.dumps(value)}{remark}")
        elif is_map or self.chance.random() < 0.3:
            self.lines.append(f"{intro}{remark}")
            same = is_map and isinstance(value, list) and self.chance.random() < 0.4
            self.write(value, indent if same else below)
        else:
            spaces = self.chance.randint(1, 3)
            self.write(value, indent + 1 + spaces, lead=intro + " " * spaces)

    def quoted(self, text: str) -> str:
        return text if self.chance.random() < 0.6 and text.isascii() and text.isalnum() else json.dumps(text)


KEYS = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=5)
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab:#- \n'\"{[&*é", max_size=6) | st.just("no")
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=14,
)


@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=4), st.integers(0, 2**32))
def test_comments_stay_with_the_keys_they_name(value: dict[str, Any], seed: int) -> None:
    hand = Hand(random.Random(seed))
    hand.write({"x": {"y": value}}, 0)
    written = "kind: Unheard\n" + "\n".join(hand.lines) + "\n"
    made = rewrite(written)
    assert rewrite(made) == made
    assert comments.texts(made) == comments.texts(written)
    lines = made.split("\n")
    items = hand.items
    for number, line in enumerate(lines):
        if line.strip().startswith("# before "):
            below = next(later for later in lines[number:] if later.strip() and not later.strip().startswith("#"))
            assert line.split()[-1] in below or line.split()[-1] in items
        elif "   # beside " in line:
            assert line.split()[-1] in line.partition("   # beside ")[0]


@given(
    MANIFESTS,
    st.integers(2, 6),
    st.sampled_from((True, False, None)),
    st.integers(20, 200),
    st.booleans(),
    st.sampled_from((None, "'", '"', "|", ">")),
)
def test_any_manifest_means_the_same_afterwards(
    manifest: dict[str, Any], indent: int, flow: bool | None, width: int, start: bool, style: str | None
) -> None:
    manifest = {**manifest, "kind": "Unheard"}
    written = yaml.dump(
        manifest, indent=indent, default_flow_style=flow, width=width, explicit_start=start, default_style=style,
        allow_unicode=True, sort_keys=False,
    )  # fmt: skip
    reading = yaml_reader.read(written, "job.yaml")
    made = layout.rewrite(written, "job.yaml", kinds(), as_json=False)
    if reading.problems or made.notes:
        assert made.text == written
        return
    assert made.problems == ()
    (before,) = reading.documents
    (after,) = yaml_reader.read(made.text, "job.yaml").documents
    assert json.dumps(before.value, sort_keys=True) == json.dumps(after.value, sort_keys=True)
    assert layout.rewrite(made.text, "job.yaml", kinds(), as_json=False).text == made.text


@given(MANIFESTS)
def test_json_means_the_same_afterwards(manifest: dict[str, Any]) -> None:
    written = json.dumps({**manifest, "kind": "Unheard"})
    made = rewrite(written, as_json=True)
    assert json.loads(made) == json.loads(written)
    assert rewrite(made, as_json=True) == made


def test_one_and_one_point_zero_do_not_mean_the_same() -> None:
    meanings = {key_order.meaning({"kind": "A", "spec": value}, kinds()) for value in (1, 1.0, True, "1", None)}
    assert len(meanings) == 5
