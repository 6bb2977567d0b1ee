"""Job files of other people in canonical form: the same meaning, no comment lost, and the second time nothing to do.

The files are not part of this repository: without them these tests are left out.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.spec import key_order
from reconciler.files import manifest_writer, yaml_reader
from reconciler.files.canonical import comments, layout, tree, writer
from tests.kinds.test_corpus_convert import FILES, converted, kinds, read
from tests.support.checkout import CORPUS

RAW = [str(path.relative_to(CORPUS)) for path in sorted(CORPUS.rglob("*.y*ml"))]

__test__ = bool(FILES)


def shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


def texts(manifest: Any) -> list[tuple[str, bool]]:
    """A manifest as it may be met: as convert writes it, with its keys in another order, as JSON, as JSON in YAML."""
    mixed = shuffled(manifest, random.Random(1))
    as_json = json.dumps(mixed, indent=1)
    return [
        (manifest_writer.dump(manifest, "x"), False),
        (manifest_writer.to_yaml(mixed), False),
        (as_json, True),
        (as_json, False),
    ]


def test_converted_manifests_have_one_form_whatever_the_order_of_their_keys() -> None:
    count = 0
    for file in FILES:
        manifest = converted(file)[0].manifest if read(file) is not None else None
        if not manifest:
            continue
        made = [layout.rewrite(text, file, kinds(), as_json=as_json) for text, as_json in texts(manifest)]
        assert [(each.problems, each.notes) for each in made] == [((), ())] * 4, file
        again = [
            layout.rewrite(each.text, file, kinds(), as_json=as_json).text
            for each, as_json in zip(made, (False, False, True, False), strict=True)
        ]
        assert again == [each.text for each in made], file
        printed = manifest_writer.dump(key_order.arrange(manifest, kinds()), "x")
        assert layout.rewrite(printed, file, kinds(), as_json=False).text == printed, "what convert prints is canonical"
        count += 1
    assert count > 300


@pytest.mark.parametrize("folder", sorted({file.split("/")[0] for file in RAW}))
def test_files_as_people_wrote_them_keep_values_and_comments(folder: str) -> None:
    for file in (each for each in RAW if each.startswith(f"{folder}/")):
        text = (CORPUS / file).read_text(encoding="utf-8").replace("\r\n", "\n")
        reading = yaml_reader.read(text, file)
        if reading.problems or not all(isinstance(each.value, dict) for each in reading.documents):
            continue
        made = laid_out(text)
        assert [each.value for each in yaml_reader.read(made, file).documents] == [
            each.value for each in reading.documents
        ], file
        assert comments.texts(made) == comments.texts(text), file
        assert laid_out(made) == made, file


def laid_out(text: str) -> str:
    text = text if text.endswith("\n") else f"{text}\n"
    sheets = tree.grow(text)
    comments.attach(text, sheets)
    for sheet in sheets:
        if isinstance(sheet.root, tree.Branch):
            writer.pull_up(sheet.root)
    return writer.write(sheets)


def test_the_folder_holds_what_these_tests_need() -> None:
    assert len(RAW) > 200
    assert Path(CORPUS / RAW[0]).is_file()
