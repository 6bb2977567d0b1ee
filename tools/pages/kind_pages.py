"""The tables of a kind's page, from the compiled facts and the published schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.spec import shape
from reconciler.files import schemas
from reconciler.vocabulary.kinds import IdForm, Kind, Phase, Verb
from tools.pages.markdown_tables import cell, code, table

Node = Mapping[str, Any]
_FEW = 8
"""Enum members that a table still shows."""
_LONGEST = 160
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()]*\)")
"""A link inside Google's own words; its target may be relative to Google's pages."""


def pages() -> dict[str, dict[str, str]]:
    """Return the generated parts of docs/kinds/*.md by page."""
    return {f"kinds/{name}.md": _parts(kind) for name, kind in schemas.load_kinds().items()}


def _parts(kind: Kind) -> dict[str, str]:
    return {"facts": _facts(kind), "life-cycle": _life_cycle(kind), "verbs": _verbs(kind), "fields": _fields(kind)}


def _facts(kind: Kind) -> str:
    chooses = "reconciler" if kind.id_form is IdForm.CLIENT else "the service"
    rows = (
        ("apiVersion", code(kind.api_version)),
        ("collection", code(kind.collection)),
        ("has locations", "yes" if kind.located else "no"),
        ("id is chosen by", chooses),
        ("state stands in", code(kind.state_field)),
        ("error stands in", code(kind.error_field)),
        ("has an etag", "yes" if kind.etag else "no"),
        ("fields without effect on the work", ", ".join(map(code, kind.cosmetic)) or "none"),
        ("fields only the service writes", ", ".join(map(code, sorted(kind.output_only)))),
        ("read from lists", ", ".join(map(code, kind.list_mask)) or "whole rows: the list takes no mask"),
    )
    return table(("fact", "value"), rows)


def _life_cycle(kind: Kind) -> str:
    rows = (
        (code(state), phase.value, "yes" if phase.active else "no")
        for phase in Phase
        for state, mapped in sorted(kind.states.items())
        if mapped is phase
    )
    return table(("state of the API", "phase", "active"), rows)


def _verbs(kind: Kind) -> str:
    return table(("verb", "the API has it"), ((code(verb.value), "yes" if kind.can(verb) else "no") for verb in Verb))


def _fields(kind: Kind) -> str:
    classes: dict[tuple[str, str], set[str]] = {}
    _walk("spec", kind.spec_schema, "spec", kind.schema, classes)
    order = sorted({message for message, _ in classes} - {"spec"})
    nodes = {"spec": kind.spec_schema, **{name: kind.schema["definitions"][name] for name in order}}
    return "\n\n".join(_message(name, node, kind.schema, classes) for name, node in nodes.items())


def _walk(message: str, node: Node, inherited: str, root: Node, classes: dict[tuple[str, str], set[str]]) -> None:
    """Collect the classes each field of each message has where it is used: one stands until another is named below."""
    for name, field in node.get("properties", {}).items():
        cls = field.get("x-class", inherited)
        seen = classes.setdefault((message, name), set())
        if cls in seen:
            continue
        seen.add(cls)
        below = _target(field)
        if below:
            _walk(below, root["definitions"][below], cls, root, classes)


def _target(field: Node) -> str:
    """Name the message a field holds, or a list of; empty for scalars and maps."""
    node = field.get("items", field)
    references = [node, *node.get("allOf", ())]
    found = next((each["$ref"].rpartition("/")[2] for each in references if "$ref" in each), "")
    return str(found)


def _message(name: str, node: Node, root: Node, classes: Mapping[tuple[str, str], set[str]]) -> str:
    required = set(node.get("required", ()))
    rows = (
        (
            code(field),
            _type(value, root),
            ", ".join(sorted(classes.get((name, field), ()))),
            "yes" if field in required else "",
            _default(value),
            cell(_sentence(value)),
        )
        for field, value in sorted(node.get("properties", {}).items())
    )
    header = ("field", "type", "class", "required", "server default", "meaning")
    rules = [f"- {cell(text)}" for text in _rules(node)]
    body = table(header, rows) if node.get("properties") else "No fields."
    return "\n\n".join([f"### {name}", body, *(["\n".join(rules)] if rules else [])])


def _type(field: Node, root: Node) -> str:
    target = _target(field)
    node = shape.resolve(field, root)
    many = "list of " if "items" in node else ""
    node = shape.resolve(node.get("items", node), root)
    if target and node.get("properties"):
        return f"{many}[{target}](#{target.lower()})"
    if "x-enum" in node:
        members = [member for member in node["enum"] if member != node["x-enum"]["zero"]]
        return many + (", ".join(map(code, members)) if len(members) <= _FEW else f"enum of {len(members)}")
    kind = node.get("type", "value")
    return many + str(node.get("format") or (kind if isinstance(kind, str) else " or ".join(kind)))


def _default(field: Node) -> str:
    shown = [field["x-server-default"]] if "x-server-default" in field else []
    shown += field.get("x-server-default-also", ())
    return " or ".join(code(_plain(value)) for value in shown)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_plain(item)}" for key, item in value.items()) + "}"
    return str(value)


def _sentence(field: Node) -> str:
    """Take the first sentence that says something."""
    sentences = _LINK.sub(r"\1", str(field.get("description", ""))).split(". ")
    marks = ("Required", "Optional", "Immutable", "Output only", "Deprecated")
    told = next((sentence for sentence in sentences if sentence.rstrip(".") not in marks), "").rstrip(".")
    return told if len(told) <= _LONGEST else told[:_LONGEST].rsplit(" ", 1)[0] + " …"


def _rules(node: Node) -> Iterator[str]:
    for rule in node.get("allOf", ()):
        if "x-message" in rule:
            yield rule["x-message"]
