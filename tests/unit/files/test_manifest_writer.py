"""Manifests as YAML: read back as they were, by our reader and by a reader of YAML 1.1."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.files import manifest_writer, yaml_reader

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
WORDS = st.sampled_from(
    ["yes", "no", "0o17", "1e-5", "12:30", "~", "<<", "=", ".inf", "0x1F", "- a", "a: b", "#c", "\n"]
)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT | WORDS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | WORDS, inner, max_size=3), max_leaves=12
)
MANIFESTS = st.dictionaries(TEXT | WORDS, VALUES, max_size=4)


def read_back(text: str) -> Any:
    reading = yaml_reader.read(text, "manifest.yaml")
    assert reading.problems == ()
    (document,) = reading.documents
    return document.value


@given(MANIFESTS)
def test_what_was_written_is_read_back(manifest: dict[str, Any]) -> None:
    assert read_back(manifest_writer.dump(manifest, "schema.json")) == manifest


@given(st.lists(TEXT | WORDS, max_size=4))
def test_text_is_text_for_a_reader_of_yaml_1_1_too(texts: list[str]) -> None:
    assert yaml.safe_load(manifest_writer.dump({"texts": texts}, "schema.json")) == {"texts": texts}


def test_a_manifest_looks_as_people_write_it() -> None:
    manifest = {
        "spec": {
            "jobSpec": {
                "workerPoolSpecs": [{"replicaCount": 1, "containerSpec": {"args": ["a", "on", "1"], "env": []}}]
            },
            "script": "set -e\ntrain\n",
        },
        "kind": "CustomJob",
        "metadata": {"name": "train", "labels": {"since": "2026-01-01"}},
        "apiVersion": "aiplatform.googleapis.com/v1",
    }
    assert manifest_writer.dump(manifest, "../CustomJob.json") == (
        "# yaml-language-server: $schema=../CustomJob.json\n"
        "apiVersion: aiplatform.googleapis.com/v1\n"
        "kind: CustomJob\n"
        "metadata:\n"
        "  name: train\n"
        "  labels:\n"
        "    since: '2026-01-01'\n"
        "spec:\n"
        "  jobSpec:\n"
        "    workerPoolSpecs:\n"
        "      - replicaCount: 1\n"
        "        containerSpec:\n"
        "          args:\n"
        "            - a\n"
        "            - 'on'\n"
        "            - '1'\n"
        "          env: []\n"
        "  script: |\n"
        "    set -e\n"
        "    train\n"
    )


def test_a_long_line_is_not_broken() -> None:
    line = "word " * 100 + "end"
    assert f"args: {line}\n" in manifest_writer.dump({"args": line}, "schema.json")


@pytest.mark.parametrize("text", ["no", "1e-5", "0o17", "1_000", "12:30", "2026-01-01", "null", "~", "", "<<", ".inf"])
def test_what_a_reader_would_take_for_no_text_is_quoted(text: str) -> None:
    assert f"value: '{text}'\n" in manifest_writer.dump({"value": text}, "schema.json")
