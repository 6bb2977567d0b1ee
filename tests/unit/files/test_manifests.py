import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.files import globs, manifests
from reconciler.files.reading import MAX_BYTES, Reading

MANIFEST = "apiVersion: v\nkind: K\nmetadata: {name: %s}\n"
PATTERNS = ("**/*.yaml", "**/*.yml", "**/*.json")


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)


def names(reading: Reading) -> list[tuple[str, str]]:
    return [(each.file, each.value["metadata"]["name"]) for each in reading.documents]


def test_manifests_are_read_in_the_order_of_their_files(tmp_path: Path) -> None:
    write(tmp_path, {"b.yaml": MANIFEST % "b", "a/z.yml": MANIFEST % "z", "a.yaml": MANIFEST % "a", "c.txt": "x"})
    reading = manifests.read(tmp_path, PATTERNS)
    assert names(reading) == [("a.yaml", "a"), ("a/z.yml", "z"), ("b.yaml", "b")]
    assert reading.problems == ()


@pytest.mark.parametrize(
    "file",
    [
        "reconciler.yaml",
        ".hidden.yaml",
        ".github/workflows/ci.yaml",
        ".reconciler/journal.json",
        "ignored/x.yaml",
        "deep/values.yaml",
        "notes.md",
    ],
)
def test_a_file_that_is_none_of_the_stack_is_left_out(tmp_path: Path, file: str) -> None:
    write(tmp_path, {file: "not: a manifest", "a.yaml": MANIFEST % "a"})
    reading = manifests.read(tmp_path, PATTERNS, ("ignored/", "values.yaml"))
    assert names(reading) == [("a.yaml", "a")]
    assert reading.problems == ()


def test_a_nested_stack_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"sub/reconciler.yaml": "x", "sub/deep/b.yaml": MANIFEST % "b", "sup/a.yaml": MANIFEST % "a"})
    assert names(manifests.read(tmp_path, PATTERNS)) == [("sup/a.yaml", "a")]


@pytest.mark.parametrize(
    "content",
    [
        {"formatVersion": "1.0", "digest": "sha256:0", "changes": []},
        {"formatVersion": "1.0", "seal": "x", "tool": {}, "rows": []},
        {"apiVersion": "reconciler/v1", "kind": "Snapshot"},
    ],
)
def test_our_own_plans_and_snapshots_are_left_out(tmp_path: Path, content: Mapping[str, Any]) -> None:
    write(tmp_path, {"plan.json": json.dumps(content)})
    reading = manifests.read(tmp_path, PATTERNS)
    assert (reading.documents, reading.problems) == ((), ())


@pytest.mark.parametrize(("seal", "rules"), [('"seal": "x",', []), ("", ["file-too-large"])])
def test_of_files_too_large_only_our_own_plans_are_left_out(tmp_path: Path, seal: str, rules: list[str]) -> None:
    text = (
        '{\n  "changes": [],\n  "digest": "' + "x" * MAX_BYTES + f'",\n  "formatVersion": "1.0",\n  {seal}\n  "tool": 1'
    )
    write(tmp_path, {"plan.json": text + "\n}\n"})
    assert [problem.rule for problem in manifests.read(tmp_path, PATTERNS).problems] == rules


@pytest.mark.parametrize(
    ("content", "rule", "hint"),
    [
        ("a: 1", "not-a-manifest", "spec.ignore"),
        ("- a", "not-a-manifest", "spec.ignore"),
        ("just text", "not-a-manifest", "spec.ignore"),
        ("workerPoolSpecs: []", "not-a-manifest", "reconciler convert"),
        ("trainingInput: {}", "not-a-manifest", "reconciler convert"),
        ("apiVersion: reconciler/v1\nkind: Stack", "not-a-manifest", "reconciler.yaml"),
        ("kind: List\nitems: {}", "wrong-type", "item"),
        ("kind: List\nitems: []\nitem: []", "unknown-field", "items"),
        ("kind: List\nitems: [x]", "not-a-manifest", "spec.ignore"),
        (b"\x00\x01", "nul-byte", "spec.ignore"),
        (b"\xff\xfe", "not-utf8", "UTF-8"),
        (b"a: \xe4", "not-utf8", "UTF-8"),
        (b"a: [", "yaml-syntax", "near this place"),
    ],
)
def test_a_file_that_is_no_manifest_is_a_problem_and_the_others_are_read(
    tmp_path: Path, content: str | bytes, rule: str, hint: str
) -> None:
    write(tmp_path, {"a.yaml": content, "b.yaml": MANIFEST % "b"})
    reading = manifests.read(tmp_path, PATTERNS)
    assert names(reading) == [("b.yaml", "b")]
    (problem,) = reading.problems
    assert (problem.file, problem.rule) == ("a.yaml", rule)
    assert hint in problem.hint


def test_the_items_of_a_list_are_documents_of_their_own(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v\n  kind: K\n- kind: List\n  items:\n  - kind: M\n"
    write(tmp_path, {"a.yaml": "---\n" + text})
    documents = manifests.read(tmp_path, PATTERNS).documents
    assert [(each.prefix, each.line, each.value["kind"]) for each in documents] == [
        (("items", 0), 5, "K"),
        (("items", 1, "items", 0), 9, "M"),
    ]


@pytest.mark.parametrize("kind", ["file", "folder", "nowhere"])
def test_a_link_that_leads_outside_is_refused(tmp_path: Path, kind: str) -> None:
    outside, stack = tmp_path / "outside", tmp_path / "stack"
    write(tmp_path, {"outside/a.yaml": MANIFEST % "a", "stack/b.yaml": MANIFEST % "b"})
    target = {"file": outside / "a.yaml", "folder": outside, "nowhere": outside / "none.yaml"}[kind]
    (stack / "link.yaml").symlink_to(target)
    reading = manifests.read(stack, PATTERNS)
    assert names(reading) == [("b.yaml", "b")]
    assert [(problem.rule, problem.file) for problem in reading.problems] == [("link-outside", "link.yaml")]
    assert manifests.read(stack, PATTERNS, ("link.yaml",)).problems == ()


def test_a_link_inside_the_stack_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"shared/a.txt": MANIFEST % "a"})
    (tmp_path / "a.yaml").symlink_to("shared/a.txt")
    assert names(manifests.read(tmp_path, PATTERNS)) == [("a.yaml", "a")]


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    assert [problem.rule for problem in manifests.read(tmp_path, PATTERNS).problems] == ["not-a-file"]


def test_a_stream_is_read_like_a_file() -> None:
    reading = manifests.read_stream("\ufeff" + MANIFEST % "a" + "---\n" + MANIFEST % "b")
    assert names(reading) == [("<stdin>", "a"), ("<stdin>", "b")]


@pytest.mark.parametrize(("text", "rule"), [("a: \0", "nul-byte"), ("a: \udc80", "not-utf8")])
def test_a_stream_that_is_no_text_is_refused(text: str, rule: str) -> None:
    assert [problem.rule for problem in manifests.read_stream(text).problems] == [rule]


def test_a_single_file_is_named_from_the_root(tmp_path: Path) -> None:
    write(tmp_path, {"in/a.yaml": MANIFEST % "a"})
    assert names(manifests.read_file(tmp_path / "in" / "a.yaml", tmp_path)) == [("in/a.yaml", "a")]
    elsewhere = tmp_path / "other"
    assert manifests.read_file(tmp_path / "in" / "a.yaml", elsewhere).documents[0].file.endswith("in/a.yaml")


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert [each.rule for each in manifests.read_file(tmp_path / "a.yaml", tmp_path).problems] == ["unreadable-file"]


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("a.yaml", "*.yaml", True),
        ("d/a.yaml", "*.yaml", False),
        ("a.yaml", "**/*.yaml", True),
        ("d/e/a.yaml", "**/*.yaml", True),
        ("d/e/a.yaml", "d/**", True),
        ("d/e/a.yaml", "d/*/a.yaml", True),
        ("d/e/f/a.yaml", "d/*/a.yaml", False),
        ("d/a.yaml", "./d/a.yaml", True),
        ("a1.yaml", "a[0-9].yaml", True),
        ("a/b/c/d", "**/b/**/d", True),
        ("a/b/c/e", "**/b/**/d", False),
        ("a" * 5000, "a*" * 200 + "b", False),
        ("/".join("a" * 500), "**/a/" * 200 + "b", False),
    ],
)
def test_a_glob_fits_whole_paths(path: str, pattern: str, fits: bool) -> None:
    assert globs.matches(path, pattern) is fits


@pytest.mark.parametrize(
    ("path", "pattern", "ignored"),
    [
        ("d/values.yaml", "values.yaml", True),
        ("d/e/a.yaml", "d", True),
        ("d/e/a.yaml", "e/", True),
        ("d/e/a.yaml", "d/e", True),
        ("x/d/e/a.yaml", "d/e", False),
        ("d/a.yaml", "d/*.json", False),
    ],
)
def test_an_ignored_folder_takes_its_files_along(path: str, pattern: str, ignored: bool) -> None:
    assert globs.is_ignored(path, (pattern,)) is ignored


def test_a_file_whose_name_is_no_text_is_named_as_a_problem(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.yaml")).write_text("kind: CustomJob\n")
    reading = manifests.read(tmp_path, ["**/*.yaml"])
    assert [problem.rule for problem in reading.problems] == ["bad-file-name"]
    assert reading.documents == ()
