"""The words of the project: each noun once in the glossary, and those that were given up nowhere."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docs_pages
from tests.support.checkout import ROOT
from tests.support.docs_pages import PAGES

GLOSSARY = ROOT / "docs" / "glossary.md"
MODULES = sorted((ROOT / "reconciler").rglob("*.py"))
PROSE = [page for page in PAGES if page.parent.name != "adr"]
"""Records of decisions keep the words of their day."""

IN_NAMES = {
    "beside": "say what the thing is",
    "carrier": "applier",
    "census": "totals",
    "conduct": "behaviour",
    "crew": "executor, threads",
    "draft": "change builder",
    "judged": "decided",
    "lift": "allow",
    "lifted": "allowed, permitted",
    "spent": "already applied",
    "toll": "losses",
    "twin": "duplicate",
}
"""Words that were given up in names, and the word in their place."""

ON_PAGES = IN_NAMES | {"lifts": "allows", "mark": "label", "price": "the number that is needed"}
"""Words that were given up on pages, and the word in their place."""

OF_LIBRARIES = frozenset({"Draft7Validator"})
OF_THE_FIELD = ("byte order mark",)


def nouns() -> list[str]:
    """Return the words that the glossary explains, in its order."""
    rows = re.findall(r"^\| ([^|]+) \|", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    return [row for row in rows if row not in ("word", "---")]


def names(module: Path) -> Iterator[str]:
    """Yield every name that a module gives or uses."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        for part in ("id", "attr", "arg", "name", "asname"):
            if isinstance(name := getattr(node, part, None), str):
                yield name


def parts(name: str) -> set[str]:
    """Take a name apart into its words: `PlanStale` and `plan_stale` both into plan and stale."""
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_the_glossary_explains_each_word_once() -> None:
    assert [word for word, times in Counter(nouns()).items() if times > 1] == []


def test_the_glossary_explains_the_nouns_that_files_and_tables_are_named_after() -> None:
    wanted = {
        *("manifest", "stack", "kind", "desired", "live", "address", "run", "head", "spec", "fingerprint", "run key"),
        *("diff", "field change", "change", "action", "operation", "reason", "assertion", "guard", "phase", "state"),
        *("outcome", "journal", "ledger", "intent", "replace", "noop", "prune", "transport", "emulator", "embedded"),
        *("backend", "store", "lock", "lease", "settle", "scope", "kind scope", "place", "removal policy", "token"),
        *("rerun", "snapshot", "dump", "seal", "digest", "losses", "totals", "duplicate", "behaviour"),
    }
    assert sorted(wanted - set(nouns())) == []


def test_no_word_that_was_given_up_is_explained_as_if_it_were_in_use() -> None:
    assert sorted(set(nouns()) & ON_PAGES.keys()) == []


def test_no_name_has_a_word_that_was_given_up() -> None:
    found = {
        f"{module.relative_to(ROOT)}: {name}: say {IN_NAMES[word]}"
        for module in MODULES
        for name in {*names(module), module.stem} - OF_LIBRARIES
        for part in parts(name)
        for word in (part, part.removesuffix("s"))
        if word in IN_NAMES
    }
    assert sorted(found) == []


@pytest.mark.parametrize("page", PROSE, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_has_a_word_that_was_given_up(page: Path) -> None:
    text = docs_pages.prose(page).lower()
    for term in OF_THE_FIELD:
        text = text.replace(term, "")
    written = set(re.findall(r"[a-z]+", text))
    assert {word: ON_PAGES[word] for word in written & ON_PAGES.keys()} == {}
