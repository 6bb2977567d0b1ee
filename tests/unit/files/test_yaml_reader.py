import math
import time
from typing import Any

import pytest
import yaml

from reconciler.files import yaml_reader
from reconciler.files.reading import UnreadableError, decode


def value_of(text: str) -> Any:
    (document,) = yaml_reader.read(text, "f.yaml").documents
    return document.value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("7", 7),
        ("-7", -7),
        ("+7", 7),
        ("0123", 123),
        ("0o17", 15),
        ("0xfF", 255),
        ("1e-5", 1e-5),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("1.50", 1.5),
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("y", "y"),
        ("12:30:45", "12:30:45"),
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("-", "-"),
        ("1.2.3", "1.2.3"),
        ("nan", "nan"),
        ("=", "="),
        ('"7"', "7"),
        ("'true'", "true"),
        ("!!str 7", "7"),
        ("!!float 7", 7.0),
        ("! 7", "7"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_core_says(written: str, value: Any) -> None:
    read = value_of(f"a: {written}" if written != "-" else "a: '-'")["a"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "rule", "place", "fragment"),
    [
        ("a: .nan", "bad-value", "f.yaml:1:4", "no number"),
        ("a: -.inf", "bad-value", "f.yaml:1:4", "no number"),
        ("a: 1e999", "bad-value", "f.yaml:1:4", "too large"),
        ("a: " + "9" * 5000, "bad-value", "f.yaml:1:4", "5000 digits"),
        ("a: !!binary aGk=", "bad-value", "f.yaml:1:4", "core schema"),
        ("a: !!python/object/apply:os.system [x]", "bad-value", "f.yaml:1:4", "core schema"),
        ("a: !Ref x", "bad-value", "f.yaml:1:4", "core schema"),
        ("a: 1\nb: 2\na: 3", "duplicate-key", "f.yaml:3:1", "a is given twice"),
        ("a: {b: 1, b: 2}", "duplicate-key", "f.yaml:1:11", "a.b is given twice"),
        ("1: x", "non-text-key", "f.yaml:1:1", "The key 1"),
        ("a:\n  true: x", "non-text-key", "f.yaml:2:3", "not text"),
        ("? [a]\n: b", "non-text-key", "f.yaml:1:3", "map or list"),
        ("a: {{ x }}", "non-text-key", "f.yaml:1:5", "map or list"),
        ("b: &b {x: 1}\na:\n  <<: *b", "merge-key", "f.yaml:3:3", "Merge keys"),
        ("a: *b", "undefined-alias", "f.yaml:1:4", "&b"),
        ("a: &a [*a]", "undefined-alias", "f.yaml:1:8", "&a"),
        ('a: "x\\0"', "bad-character", "f.yaml:1:4", "NUL"),
        ("a: [1", "yaml-syntax", "f.yaml:1:6", "not YAML"),
        ("a:\n\tb: 1", "yaml-syntax", "f.yaml:2:1", "not YAML"),
        ("a: b: c", "yaml-syntax", "f.yaml:1:5", "not YAML"),
        ("a: {% if x %}", "yaml-syntax", "f.yaml:1:5", "not YAML"),
        ("a: \x01", "yaml-syntax", "f.yaml:1:4", "control character"),
    ],
)
def test_what_is_no_value_is_a_problem_with_its_place(text: str, rule: str, place: str, fragment: str) -> None:
    problem = yaml_reader.read(text, "f.yaml").problems[0]
    assert (problem.rule, str(problem.place)) == (rule, place)
    assert fragment in problem.message


@pytest.mark.parametrize(
    ("text", "fragment"),
    [("a:\n\tb: 1", "spaces"), ("a: {% if x %}", "templating"), ("a: @b", "quotes")],
)
def test_a_syntax_error_says_the_way_out(text: str, fragment: str) -> None:
    assert fragment in yaml_reader.read(text, "f.yaml").problems[0].hint


def bomb() -> str:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "a0: &a0 [" + ", ".join("0123456789") + "]\n" + "\n".join(levels)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (bomb(), "alias-expansion"),
        ("[" * 1_000_000, "nested-too-deep"),
        ("{a: " * 50_000, "nested-too-deep"),
        ("- " * 50_000 + "x", "nested-too-deep"),
        ("a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60, "nested-too-deep"),
        ("a: 1\n" * 300_000, "too-many-problems"),
        ("? " * 100_000, "non-text-key"),
    ],
    ids=["alias bomb", "lists", "maps", "block lists", "depth by alias", "repeated keys", "keys in keys"],
)
def test_hostile_text_ends_in_a_problem_and_soon(text: str, rule: str) -> None:
    start = time.process_time()
    reading = yaml_reader.read(text, "f.yaml")
    assert reading.problems[-1].rule == rule
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[" * 1_000_000, (1, 101)),
        ("[\n" * 2_000, (101, 1)),
        ("a: 1\n---\nb: 'it''s [[['\nc: " + "[ " * 2_000, (4, 202)),
        ('{"a":' * 5_000, (1, 501)),
        ("a: c[d\ne: " + "[" * 2_000, (2, 104)),
    ],
    ids=["one line", "a line each", "second document", "json", "words with brackets"],
)
def test_depth_is_told_at_its_place_whatever_the_library_stops_at(text: str, place: tuple[int, int]) -> None:
    problem = yaml_reader.read(text, "f.yaml").problems[-1]
    assert problem.place is not None
    assert (problem.rule, problem.place.line) == ("nested-too-deep", place[0])
    # where the library stops before us, brackets alone are counted, and not the block they stand in
    assert place[1] - 1 <= problem.place.column <= place[1]
    assert problem.document == text.count("---")


@pytest.mark.parametrize("opening", ['x: "', "# ", "x: '", "x: word"], ids=["double", "comment", "single", "word"])
def test_brackets_that_open_nothing_are_no_depth(opening: str) -> None:
    assert yaml_reader.read(opening + "[" * 2_000 + "\ny: @", "f.yaml").problems[-1].rule == "yaml-syntax"


def test_aliases_stand_for_their_values_while_they_are_few() -> None:
    assert value_of("a: &x {b: [1]}\nc: [*x, *x]") == {"a": {"b": [1]}, "c": [{"b": [1]}, {"b": [1]}]}


def test_a_scalar_anchor_may_be_a_key() -> None:
    assert value_of("a: &x name\n*x : 1") == {"a": "name", "name": 1}


def test_anchors_end_with_their_document() -> None:
    assert yaml_reader.read("a: &x 1\n---\nb: *x", "f.yaml").problems[0].document == 1


def test_empty_documents_count_and_are_left_out() -> None:
    reading = yaml_reader.read("---\n---\n# only a comment\n---\na: 1\n---\n", "f.yaml")
    assert [(each.index, each.line, each.value) for each in reading.documents] == [(2, 5, {"a": 1})]


def test_what_stands_before_a_syntax_error_is_read() -> None:
    reading = yaml_reader.read("a: 1\n---\nb: [", "f.yaml")
    assert [each.value for each in reading.documents] == [{"a": 1}]
    assert reading.problems[0].document == 1


def test_of_a_repeated_key_the_first_value_stays() -> None:
    assert value_of("a: 1\na: {b: 2}\nc: 3") == {"a": 1, "c": 3}


def test_the_slow_loader_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, yes, 0o7, 1e3]\n---\nb: {c: &x d, e: *x}\n"
    fast = yaml_reader.read(text, "f.yaml")
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert yaml_reader.read(text, "f.yaml") == fast


@pytest.mark.parametrize(
    ("data", "rule", "place"),
    [
        (b"a: 1\nb: \xff", "not-utf8", "f:2:4"),
        ("a: ü".encode("latin-1"), "not-utf8", "f:1:4"),
        ("a: 1".encode("utf-16"), "not-utf8", "f:1:1"),
        (b"\x7fELF\0\0", "nul-byte", "f:1:5"),
    ],
)
def test_bytes_that_are_no_text_are_refused(data: bytes, rule: str, place: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        decode(data, "f")
    assert (raised.value.problem.rule, str(raised.value.problem.place)) == (rule, place)


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert decode(b"\xef\xbb\xbfa: 1", "f") == "a: 1"


def test_no_number_read_is_infinite() -> None:
    assert all(not isinstance(v, float) or math.isfinite(v) for v in value_of("[1e308, .1e309, 0.0]"))
