"""Reads README.md and docs/ apart: fenced blocks, console sessions, tables, links. Judges nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.checkout import ROOT

PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACE = re.compile(r"^<!-- examples run in (?:an empty folder|a copy of (?P<stack>\S+)) -->$", re.MULTILINE)
_EXIT = re.compile(r"# exit (\d+)$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `line` is that of its first line, `offset` where it starts in the page."""

    page: Path
    line: int
    offset: int
    language: str
    body: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Example:
    """A command of a console block, the exit code it must end with and what it must print."""

    where: str
    command: str
    exit_code: int
    shown: str


@dataclass(frozen=True, slots=True)
class Session:
    """Examples that follow each other in one folder: a copy of `stack`, or an empty one."""

    where: str
    stack: str
    examples: tuple[Example, ...]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 2
        yield Block(page, line, found.start(), found["language"], found["body"])


def sessions(page: Path) -> Iterator[Session]:
    """Yield the sessions of a page; a console block before any comment that names a folder is an error."""
    text = page.read_text(encoding="utf-8")
    places = list(_PLACE.finditer(text))
    consoles = [block for block in blocks(page) if block.language == "console"]
    if consoles and (not places or consoles[0].offset < places[0].start()):
        raise AssertionError(f"{consoles[0].where}: no comment above says where these examples run")
    ends = [*(place.start() for place in places), len(text)][1:]
    for place, end in zip(places, ends, strict=bool(places)):
        inside = [block for block in consoles if place.start() < block.offset < end]
        line = text.count("\n", 0, place.start()) + 1
        made = tuple(example for block in inside for example in _examples(block))
        yield Session(f"{page.relative_to(ROOT)}:{line}", place["stack"] or "", made)


def _examples(block: Block) -> Iterator[Example]:
    lines = block.body.splitlines()
    assert lines[0].startswith("$ "), f"{block.where}: a console block starts with a command"
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        command = lines[start].removeprefix("$ ")
        code = _EXIT.search(command)
        where = f"{block.page.relative_to(ROOT)}:{block.line + start}"
        yield Example(where, command, int(code[1]) if code else 0, "\n".join(lines[start + 1 : end]))


def pattern(shown: str) -> re.Pattern[str]:
    """Turn shown output into a pattern: `…` stands for anything in a line, a line of `…` for any lines."""
    parts = [
        r"(?:.*\n)*?" if line.strip() == "…" else r".*".join(map(re.escape, line.rstrip().split("…"))) + r" *\n"
        for line in shown.strip("\n").splitlines()
    ]
    return re.compile("".join(parts))


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> str:
    """Return what a reader may type or copy: prose, shell blocks, commands of console blocks, CI files."""
    kept = [prose(page)]
    for block in blocks(page):
        if block.language == "console":
            kept.extend(line for line in block.body.splitlines() if line.startswith("$ "))
        elif block.language == "sh" or (block.language == "yaml" and "apiVersion" not in block.body):
            kept.append(block.body)
    return "\n".join(kept)


def section(page: Path, title: str) -> str:
    """Return what stands under a heading, up to the next heading of its level or above."""
    text = page.read_text(encoding="utf-8")
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no section {title}"
    return found[2]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row but headers and rules."""
    lines = text.splitlines()
    table = [line for line in lines if line.startswith("| ")]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in table
        if not re.match(r"\| *:?-", line) and not _is_header(line, lines)
    ]


def _is_header(line: str, lines: list[str]) -> bool:
    after = lines.index(line) + 1
    return after < len(lines) and re.match(r"\| *:?--|\|:?--", lines[after]) is not None


def codes(cell: str) -> list[str]:
    """Return what stands between backquotes."""
    return re.findall(r"`([^`]+)`", cell)
