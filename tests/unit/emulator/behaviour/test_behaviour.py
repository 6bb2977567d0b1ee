"""The behaviour data speaks of things that exist and says where each was learnt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.emulator import behaviour
from reconciler.emulator.behaviour import rules
from reconciler.emulator.messages.shapes import Field, Form, Shapes
from reconciler.emulator.wire import hosts
from reconciler.files import schemas
from reconciler.transport import hosts as client_hosts
from reconciler.vocabulary.kinds import Phase

KINDS = schemas.load_kinds()
BEHAVIOURS = behaviour.load()
DOCUMENTS = {document["api"]: document for document in behaviour.documents()}


def messages(field: Field) -> Iterator[Field]:
    if field.form is Form.MESSAGE:
        yield field
        for below in field.fields.values():
            yield from messages(below)
    elif field.item is not None:
        yield from messages(field.item)


def shapes_of(name: str) -> dict[str, set[str]]:
    """Field names by message, for all kinds of one behaviour file; fields declared foreign are there too."""
    found: dict[str, set[str]] = {}
    for entry in DOCUMENTS[name]["kinds"]:
        kind = KINDS[entry["kind"]]
        for field in messages(Shapes(kind, BEHAVIOURS[kind.name]).root):
            found.setdefault(field.message, set()).update(field.fields)
    for rule in DOCUMENTS[name]["foreign"]:
        found[rule["message"]] |= set(rule["fields"])
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("sort", rules.SORTS)
def test_every_rule_speaks_of_fields_that_exist(name: str, sort: str) -> None:
    shapes = shapes_of(name)
    for rule in DOCUMENTS[name][sort]:
        named = {*rule.get("fields", []), *([rule["field"]] if "field" in rule else [])}
        named |= {rule["other"]} if "other" in rule else set()
        assert named <= shapes[rule["message"]], rule


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_entry_has_its_source(name: str) -> None:
    def walk(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            yield value
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from walk(item)

    document = DOCUMENTS[name]
    entries = [rule for sort in rules.SORTS for rule in document[sort]]
    entries += [
        document[part]
        for part in ("errors", "job_errors", "order", "operations", "hosts", "states", "labels", "policy")
    ]
    entries += [
        one
        for kind in document["kinds"]
        for one in walk(kind)
        if {"after", "digits", "text", "days", "collections"} & set(one)
    ]
    assert [entry for entry in entries if not entry.get("source")] == []


@pytest.mark.parametrize("kind", sorted(BEHAVIOURS))
def test_every_state_of_a_life_is_a_state_of_the_kind(kind: str) -> None:
    found = BEHAVIOURS[kind]
    used = {found.first_state, *(step.state for step in (*found.timeline, *found.cancel))}
    assert used <= set(found.state_numbers)
    assert used <= set(KINDS[kind].states)


@pytest.mark.parametrize("kind", sorted(BEHAVIOURS))
def test_a_state_is_terminal_here_exactly_where_its_phase_has_ended(kind: str) -> None:
    ended = {state for state, phase in KINDS[kind].states.items() if not Phase(phase).active}
    assert BEHAVIOURS[kind].terminal == ended


@pytest.mark.parametrize("kind", sorted(BEHAVIOURS))
def test_steps_that_end_a_life_lead_to_terminal_states_and_come_last(kind: str) -> None:
    for steps in (BEHAVIOURS[kind].timeline, BEHAVIOURS[kind].cancel):
        assert [step.ends for step in steps] == [step.state in BEHAVIOURS[kind].terminal for step in steps]
        assert [step.after for step in steps] == sorted(step.after for step in steps)
        assert steps[-1].ends


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_behaves_as_its_own_api_does_on_the_hosts_its_clients_ask(kind: str) -> None:
    client, served = KINDS[kind].api, BEHAVIOURS[kind].api
    assert served.name == client.name
    for location in (*served.hosts.regions, *served.hosts.multi_regions) if client.located else ("",):
        assert hosts.location(client_hosts.host_of(client, location), served.hosts) == location
