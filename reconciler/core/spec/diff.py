"""Compare what a manifest says with a live job, field by field, under today's rules. The judge behind the fingerprint.

The live job is first projected onto what the manifest says, so that server-owned fields stay out of sight. A field the
live job has and the manifest does not counts as removed only where the caller knows that we wrote the job, and only if
it is no known server default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.spec import fingerprint, normalize, paths, secrets, shape
from reconciler.core.spec.shape import Schema
from reconciler.vocabulary.kinds import Kind
from reconciler.vocabulary.model import FieldPath, show_path
from reconciler.vocabulary.plans import ABSENT, FieldChange


def compare(
    desired: Mapping[str, Any], live: Mapping[str, Any], kind: Kind, *, ours: bool, ignore: Sequence[str] = ()
) -> tuple[FieldChange, ...]:
    """Return the fields in which a live resource differs from a desired spec, ordered by path.

    `live` is the resource as the API returned it, in full; `ours` says that its fingerprint is of our version. Values
    that are withheld in it count as equal.
    """
    wanted, there = _canonical(desired, live, kind, ignore)
    there = _project(there, wanted, kind.spec_schema, kind.schema, removed_count=ours)
    after = _settled(wanted, kind.spec_schema, kind.schema)
    before = _settled(there, kind.spec_schema, kind.schema)
    if before == after:
        return ()
    shown = _literal_names(wanted)
    return tuple(_field(path, old, new, (before, after), shown, kind) for path, old, new in _pairs(before, after))


def uncompared(
    desired: Mapping[str, Any], live: Mapping[str, Any], kind: Kind, label: str, ignore: Sequence[str] = ()
) -> tuple[FieldChange, ...]:
    """Return the fields whose live value is withheld, unless `label` proves them equal, ordered by path.

    The label is a hash over what somebody wrote. With the manifest's values in the withheld places it comes out the
    same only where those are the ones that were written.
    """
    if not secrets.withholds(live):
        return ()
    for left_out in ((), tuple(ignore)):
        wanted, there = _canonical(desired, live, kind, left_out)
        written = _project(there, wanted, kind.spec_schema, kind.schema, removed_count=True)
        if fingerprint.of(written, kind) == label:
            return ()
    return tuple(
        FieldChange(
            path=show_path(("spec", *path)),
            before=secrets.SENSITIVE,
            after=_shown(after, _side(wanted, (*path[:-1], "name"))),
            cls=class_of(path, kind),
        )
        for path, after in _withheld(there, wanted)
    )


def _withheld(live: Any, desired: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, Any]]:
    """Yield the path and the manifest's value of everything that both sides have and the live one withholds."""
    if isinstance(live, secrets.Withheld):
        yield path, desired
    elif isinstance(live, Mapping) and isinstance(desired, Mapping):
        for key in live:
            if key in desired:
                yield from _withheld(live[key], desired[key], (*path, key))
    elif isinstance(live, list) and isinstance(desired, list):
        for index, (one, other) in enumerate(zip(live, desired, strict=False)):
            yield from _withheld(one, other, (*path, index))


def _shown(after: Any, name: Any) -> Any:
    """Show what the manifest says in place of a withheld value, unless that is a secret by its own or its name."""
    if isinstance(name, str) and secrets.is_secret_name(name):
        return secrets.SENSITIVE
    return secrets.SENSITIVE if isinstance(after, str) and secrets.assigns(after) else secrets.redact(after)


def _canonical(
    desired: Mapping[str, Any], live: Mapping[str, Any], kind: Kind, ignore: Sequence[str]
) -> tuple[Any, Any]:
    """Spell both sides the same way, without what is ignored and what no spec has."""
    wanted = normalize.canonical(desired, kind.spec_schema, kind.schema)
    known = shape.resolve(kind.spec_schema, kind.schema).get("properties", {})
    there = normalize.canonical({key: live[key] for key in live if key in known}, kind.spec_schema, kind.schema)
    for pattern in ignore:
        path = paths.parse(pattern.removeprefix("spec."))
        wanted, there = paths.without(wanted, path), paths.without(there, path)
    return wanted, there


def counts(change: FieldChange) -> bool:
    """Say whether a difference asks for a new run. Cosmetic ones are noted and nothing more."""
    return change.cls != "cosmetic"


def _project(live: Any, desired: Any, node: Schema, root: Schema, *, removed_count: bool) -> Any:
    """Cut the live value down to what the manifest speaks of, and to what it took back if that counts."""
    node = shape.resolve(node, root)
    if isinstance(live, secrets.Withheld):
        return desired  # nobody can tell; `uncompared` does
    if isinstance(live, Mapping) and isinstance(desired, Mapping):
        if "valueFrom" in desired and "valueFrom" not in live:
            return {key: item for key, item in live.items() if key != "value"} | {"valueFrom": desired["valueFrom"]}
        projected: dict[str, Any] = {}
        for key, item in live.items():
            below = shape.child(node, key, root)
            if key in desired:
                projected[key] = _project(item, desired[key], below, root, removed_count=removed_count)
            elif removed_count and below:
                left = _beyond_defaults(item, below, root)
                if left is not ABSENT:
                    projected[key] = left
        return projected
    if isinstance(live, list) and isinstance(desired, list):
        below = shape.child(node, 0, root)
        return [
            _project(item, desired[index], below, root, removed_count=removed_count) if index < len(desired) else item
            for index, item in enumerate(live)
        ]
    return live


def _beyond_defaults(live: Any, node: Schema, root: Schema) -> Any:
    """Return what a live value holds beyond the server's own defaults, ABSENT where nothing is left."""
    filled = [node["x-server-default"]] if "x-server-default" in node else []
    filled += node.get("x-server-default-also", ())
    if live in [normalize.canonical(value, node, root) for value in filled]:
        return ABSENT
    resolved = shape.resolve(node, root)
    if isinstance(live, Mapping) and not shape.is_map(resolved):
        left = {}
        for key, item in live.items():
            below = shape.child(resolved, key, root)
            rest = _beyond_defaults(item, below, root) if below else ABSENT
            if rest is not ABSENT:
                left[key] = rest
        return left or ABSENT
    return live


def _settled(value: Any, node: Schema, root: Schema) -> Any:
    """Drop proto3 defaults, and empty messages that hold no position in a list: neither is a difference."""
    return _without_empty(normalize.strip_defaults(value, node, root))


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        settled = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in settled.items() if item != {} or not isinstance(item, Mapping)}
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    return value


def _pairs(before: Any, after: Any) -> list[tuple[FieldPath, Any, Any]]:
    """List (path, before, after) of every difference; positions in lists mean something and are never re-matched."""
    from deepdiff import DeepDiff

    found: list[tuple[FieldPath, Any, Any]] = []
    # A threshold of 0 keeps it from calling two messages with few fields in common one difference.
    tree = DeepDiff(before, after, view="tree", zip_ordered_iterables=True, threshold_to_diff_deeper=0)
    for group in tree.values():
        for level in group:
            path = tuple(level.path(output_format="list"))
            found.append((path, _side(before, path), _side(after, path)))
    return sorted(found, key=lambda pair: [(isinstance(step, str), step) for step in pair[0]])


def _side(value: Any, path: FieldPath) -> Any:
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step, ABSENT)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if step < len(value) else ABSENT
        else:
            return ABSENT
    return value


def _literal_names(value: Any) -> frozenset[str]:
    """Return the names of the variables whose value the manifest itself writes out, none of them from elsewhere."""
    literal: set[str] = set()
    elsewhere: set[str] = set()
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, Mapping):
            name = item.get("name")
            if isinstance(name, str):
                (elsewhere if "valueFrom" in item else literal).add(name)
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return frozenset(literal - elsewhere)


def _field(
    path: FieldPath, old: Any, new: Any, sides: tuple[Any, Any], shown: frozenset[str], kind: Kind
) -> FieldChange:
    """Write one difference. A live value shows only under a name whose value the manifest writes out.

    Anything else may have come from a `valueFrom` that the manifest no longer has, or has at another position.
    """
    names = [name for name in (_side(side, (*path[:-1], "name")) for side in sides) if name is not ABSENT]
    texts = [name for name in names if isinstance(name, str)]  # a reply may hold anything in place of a name
    of_variable = path[-1] == "value" and bool(texts)
    hidden = of_variable and (
        len(texts) < len(names) or any(secrets.is_secret_name(name) or name not in shown for name in texts)
    )
    if hidden:
        old, new = (ABSENT if item is ABSENT else secrets.SENSITIVE for item in (old, new))
    return FieldChange(
        path=show_path(("spec", *path)),
        before=secrets.redact(old, shown),
        after=secrets.redact(new),
        cls=class_of(path, kind),
        sensitive=hidden,
    )


def class_of(path: FieldPath, kind: Kind) -> str:
    """Return what a field is about: the nearest `x-class` on the way to it, `cosmetic` for the kind's cosmetic ones."""
    if path and path[0] in kind.cosmetic:
        return "cosmetic"
    node, found = kind.spec_schema, "spec"
    for step in path:
        node = shape.child(node, step, kind.schema)
        if not node:
            break
        found = node.get("x-class", shape.resolve(node, kind.schema).get("x-class", found))
    return found
