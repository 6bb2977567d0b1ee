import pytest

from reconciler.files import json_reader


@pytest.mark.parametrize(
    ("text", "rule", "place", "fragment"),
    [
        ('{"a": 1 "b"}', "json-syntax", "f.json:1:9", "not JSON"),
        ('{"a": NaN}', "bad-value", "f.json", "NaN"),
        ('{"a": -Infinity}', "bad-value", "f.json", "Infinity"),
        ('{"a": 1e999}', "bad-value", "f.json", "too large"),
        ('{"a": ' + "9" * 5000 + "}", "bad-value", "f.json", "5000 digits"),
        ('{"a": 1,\n "a": 2}', "duplicate-key", "f.json:2:2", "a is given twice"),
        ("[" * 100_000, "nested-too-deep", "f.json", "deeper"),
        ("[" * 150 + "]" * 150, "nested-too-deep", "f.json", "deeper"),
        ('{"a": {"b": "\\u0000"}}', "bad-character", "None", "a.b holds a NUL"),
        ('{"a": "\\ud800"}', "bad-character", "None", "surrogate"),
        ('{"\\ud800": 1}', "bad-character", "None", "surrogate"),
    ],
)
def test_json_that_no_api_takes_is_a_problem(text: str, rule: str, place: str, fragment: str) -> None:
    problem = json_reader.read(text, "f.json").problems[0]
    assert (problem.rule, str(problem.place)) == (rule, place)
    assert fragment in problem.message


def test_a_surrogate_pair_is_one_character() -> None:
    assert json_reader.read('"\\ud83d\\ude00"', "f.json").documents[0].value == "😀"


def test_a_document_starts_where_its_first_bracket_stands() -> None:
    assert json_reader.read('\n\n{"a": [1, 2.5, true, null]}', "f.json").documents[0].line == 3


def test_a_repeated_key_that_yaml_cannot_place_is_still_told() -> None:
    problems = json_reader.read('{"a": "\\ud83d\\ude00", "a": 1}', "f.json").problems
    assert [problem.rule for problem in problems] == ["duplicate-key"]


def test_an_empty_file_holds_nothing() -> None:
    assert json_reader.read(" \n", "f.json").documents == ()
