"""Which addresses documents name, whatever else they say or lack. Decides nothing about a manifest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from reconciler.files import manifests
from reconciler.vocabulary.model import Document, address_of

_PLAIN = re.compile(r"[A-Za-z]+/[a-z0-9-]+")
"""An address that a shell can hold as it is: what is offered for a line is run with it."""


def of(document: Document, key: str = "name") -> str:
    """Return the address that a manifest has, or had under another key of metadata; empty where it names none."""
    metadata = document.value.get("metadata")
    name = metadata.get(key) if isinstance(metadata, dict) else None
    return address_of(str(document.value.get("kind", "")), str(name)) if name else ""


def plain(documents: Iterable[Document]) -> Iterator[str]:
    """Yield the addresses that a shell can hold as they are."""
    for document in documents:
        address = of(document)
        if _PLAIN.fullmatch(address):
            yield address


def in_file(path: Path) -> tuple[str, ...]:
    """Return the plain addresses that a file names, in its order; none where it cannot be read or is no manifest."""
    return tuple(dict.fromkeys(plain(manifests.read_file(path, path.parent).documents)))
