"""From a request's JSON to the canonical form the service stores, as proto3's JSON mapping has it.

It knows no rules of jobs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.emulator.messages import shapes
from reconciler.emulator.messages.shapes import Field, Form

Violation = tuple[str, str]
"""A field's path in snake_case and what is wrong there."""

_DURATION = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?s")
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_LONGEST_ECHO = 200


def unknown_name(name: str, path: str = "", why: str = "Cannot find field.") -> str:
    """Say that the message at a path, the request itself where it is empty, has no field of a name."""
    at = f" at '{path}'" if path else ""
    return f'Invalid JSON payload received. Unknown name "{name}"{at}: {why}'


def invalid_value(path: str, value: Any, sort: str = "") -> str:
    """Say that a value is not of the sort that its field has; a long value is cut."""
    shown = json.dumps(value, ensure_ascii=False)[:_LONGEST_ECHO]
    return f"Invalid value at '{path}'{f' ({sort})' if sort else ''}, {shown}"


def illegal_duration(name: str, path: str) -> str:
    """Say that the field of a name, found at a path, holds no duration."""
    wrong = f"Field '{name}', Illegal duration format; duration must end with 's'"
    return f"Invalid value at '{path}' (type.googleapis.com/google.protobuf.Duration), {wrong}"


def read(root: Field, value: Any, resource: str, package: str) -> tuple[dict[str, Any], list[Violation]]:
    """Parse a resource: nulls, output-only fields and proto3 defaults dropped, set messages kept, names in camelCase.

    Returns the canonical resource and every violation found; with violations the first part is of no use.
    """
    reader = _Reader(package)
    made = reader.message(root, value, resource)
    return made, reader.violations


class _Reader:
    def __init__(self, package: str) -> None:
        self.violations: list[Violation] = []
        self._package = package
        self._forms: Mapping[Form, Callable[[Field, Any, str], Any]] = {
            Form.MESSAGE: self.message,
            Form.LIST: self._list,
            Form.MAP: self._map,
            Form.ENUM: self._enum,
            Form.INT64: self._int64,
            Form.INT32: self._int32,
            Form.DOUBLE: self._double,
            Form.DURATION: self._duration,
            Form.STRING: self._string,
            Form.BOOL: self._bool,
            Form.ANY: lambda _field, value, _path: value,
            Form.OUTPUT: lambda _field, _value, _path: None,
        }

    def read(self, field: Field, value: Any, path: str) -> Any:
        """Return the canonical value; None where it is absent or the type's default."""
        return None if value is None else self._forms[field.form](field, value, path)

    def message(self, field: Field, value: Any, path: str) -> dict[str, Any]:
        """Read a JSON object as a message."""
        if not isinstance(value, dict):
            self._invalid(path, f"type.googleapis.com/{self._package}.{field.message}", value)
            return {}
        known = field.fields
        spelt = {shapes.snake(name): name for name in known}
        made: dict[str, Any] = {}
        seen: set[str] = set()
        for key, item in value.items():
            name = key if key in known else spelt.get(key)
            if name is None:
                self._refuse(path, unknown_name(key, path))
                continue
            if item is None:
                continue
            if name in seen:
                self._refuse(path, f"Invalid value at '{path}', field '{name}' is already set.")
            seen.add(name)
            read = self.read(known[name], item, f"{path}.{shapes.snake(name)}")
            if read is not None:
                made[name] = read
        return {name: made[name] for name in known if name in made}

    def _list(self, field: Field, value: Any, path: str) -> list[Any] | None:
        if not isinstance(value, list):
            self._invalid(path, "repeated", value)
            return None
        item = _item(field)
        made = []
        for index, entry in enumerate(value):
            if entry is None:
                self._refuse(f"{path}[{index}]", f"Invalid value at '{path}[{index}]', null is not allowed in a list.")
                continue
            read = self.read(item, entry, f"{path}[{index}]")
            made.append(_zero(item) if read is None else read)
        return made or None

    def _map(self, field: Field, value: Any, path: str) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            self._invalid(path, "map", value)
            return None
        item = _item(field)
        made = {}
        for index, (key, entry) in enumerate(value.items()):
            where = f"{path}[{index}].value"
            if entry is None:
                self._refuse(where, f"Invalid value at '{where}', null is not allowed in a map.")
                continue
            read = self.read(item, entry, where)
            made[key] = _zero(item) if read is None else read
        return made or None

    def _enum(self, field: Field, value: Any, path: str) -> str | None:
        names = {number: name for name, number in field.numbers.items()}
        number = isinstance(value, int) and not isinstance(value, bool)
        name = names.get(value) if number else value
        if not isinstance(name, str) or name not in field.numbers:
            self._invalid(path, f"type.googleapis.com/{self._package}.{field.name[:1].upper()}{field.name[1:]}", value)
            return None
        return None if name == field.zero else name

    def _int64(self, _field: Field, value: Any, path: str) -> str | None:
        number = self._integer(value, path, "TYPE_INT64", 2**63)
        return str(number) if number else None

    def _int32(self, _field: Field, value: Any, path: str) -> int | None:
        return self._integer(value, path, "TYPE_INT32", 2**31) or None

    def _integer(self, value: Any, path: str, sort: str, bound: int) -> int:
        """Take a number without a fraction, or its decimal text (proto3 JSON mapping)."""
        text = isinstance(value, str) and _INTEGER.fullmatch(value) is not None
        whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
        number = int(value) if text or whole else bound
        if -bound <= number < bound:
            return number
        self._invalid(path, sort, value)
        return 0

    def _double(self, _field: Field, value: Any, path: str) -> float | int | None:
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                self._invalid(path, "TYPE_DOUBLE", value)
                return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self._invalid(path, "TYPE_DOUBLE", value)
            return None
        return int(value) if value == int(value) and value else value or None

    def _duration(self, field: Field, value: Any, path: str) -> str | None:
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            self._refuse(path, illegal_duration(field.name, path))
            return None
        sign, seconds, fraction = found.groups()
        digits = (fraction or "").rstrip("0")
        padded = digits.ljust(-(-len(digits) // 3) * 3, "0")
        whole = int(seconds)
        return f"{sign if whole or digits else ''}{whole}{'.' + padded if digits else ''}s"

    def _string(self, _field: Field, value: Any, path: str) -> str | None:
        if not isinstance(value, str):
            self._invalid(path, "TYPE_STRING", value)
            return None
        return value or None

    def _bool(self, _field: Field, value: Any, path: str) -> bool | None:
        if not isinstance(value, bool):
            self._invalid(path, "TYPE_BOOL", value)
            return None
        return value or None

    def _invalid(self, path: str, sort: str, value: Any) -> None:
        self._refuse(path, invalid_value(path, value, sort))

    def _refuse(self, path: str, text: str) -> None:
        self.violations.append((path, text))


def _item(field: Field) -> Field:
    return field.item if field.item is not None else Field(name="value", form=Form.ANY)


def _zero(field: Field) -> Any:
    """Return the default that a list or map must keep, where a field would drop it."""
    zeros: Mapping[Form, Any] = {Form.STRING: "", Form.INT64: "0", Form.INT32: 0, Form.DOUBLE: 0, Form.BOOL: False}
    return field.zero if field.form is Form.ENUM else zeros.get(field.form)


def number_enums(root: Field, value: Mapping[str, Any]) -> dict[str, Any]:
    """Give enums as numbers, as `$alt=json;enum-encoding=int` asks for; other values are kept."""
    return {name: _numbered(root.fields.get(name), item) for name, item in value.items()}


def _numbered(field: Field | None, value: Any) -> Any:
    if field is None:
        return value
    if field.form is Form.ENUM:
        return field.numbers.get(value, value)
    if field.form is Form.LIST:
        return [_numbered(field.item, item) for item in value]
    if field.form is Form.MAP:
        return {key: _numbered(field.item, item) for key, item in value.items()}
    return number_enums(field, value) if field.form is Form.MESSAGE else value
