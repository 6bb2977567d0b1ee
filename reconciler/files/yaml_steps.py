"""One walk over YAML's events: every value comes with its key. What a value is and what is kept of it, others decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.files import yaml_reader

_STARTS = (MappingStartEvent, SequenceStartEvent)
_VALUES = (ScalarEvent, AliasEvent, *_STARTS)
_ENDS = (MappingEndEvent, SequenceEndEvent)


def steps(text: str) -> Iterator[tuple[Any, Any]]:
    """Yield (event, key) of every start of a document, value, and end of a collection; the key is an event too.

    The key is None where there is none. What stands below a key that is a collection is left out. Raises yaml.YAMLError
    where the text stops being YAML.
    """
    is_map: list[bool] = []
    keys: list[Any] = []
    inside_key = 0
    for event in yaml_reader.events(text):
        kind = type(event)
        if kind in _VALUES:
            if inside_key:
                inside_key += kind in _STARTS
                continue
            key = None
            if is_map and is_map[-1]:
                key, keys[-1] = keys[-1], None
                if key is None:
                    keys[-1] = event
                    inside_key = int(kind in _STARTS)
                    continue
            yield event, key
            if kind in _STARTS:
                is_map.append(kind is MappingStartEvent)
                keys.append(None)
        elif kind in _ENDS:
            if inside_key:
                inside_key -= 1
                continue
            is_map.pop()
            keys.pop()
            yield event, None
        elif kind is DocumentStartEvent:
            yield event, None
