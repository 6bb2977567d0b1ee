"""Which names say secret, and that their values are hidden at any depth."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.spec import secrets


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("API_KEY", True),
        ("api_key", True),
        ("apiKey", True),
        ("APIKey", True),
        ("apiKeys", True),
        ("KEY", True),
        ("KEYS", True),
        ("DB_PASSWORD", True),
        ("db.password", True),
        ("PASSWORD2", True),
        ("WANDB-TOKEN", True),
        ("AWS_SECRET_ACCESS_KEY_ID", True),
        ("GOOGLE_APPLICATION_CREDENTIALS", True),
        ("clientSecret", True),
        ("MONKEYS", False),
        ("KEYBOARD", False),
        ("TOKENIZER", False),
        ("TOKENIZERS_PARALLELISM", False),
        ("SECRETARY", False),
        ("PASSWORDLESS", False),
        ("EPOCHS", False),
        ("", False),
        ("_", False),
        ("ключ", False),
    ],
)
def test_a_part_of_a_name_says_secret(name: str, secret: bool) -> None:
    assert secrets.is_secret_name(name) is secret


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"name": "API_KEY", "value": "x"}, {"name": "API_KEY", "value": "(sensitive)"}),
        ({"name": "EPOCHS", "value": "x"}, {"name": "EPOCHS", "value": "x"}),
        ({"name": "API_KEY", "valueFrom": {"env": "E"}}, {"name": "API_KEY", "valueFrom": {"env": "E"}}),
        ({"name": "API_KEY", "value": {"a": 1}}, {"name": "API_KEY", "value": "(sensitive)"}),
        ([[{"a": {"name": "T_TOKEN", "value": ""}}]], [[{"a": {"name": "T_TOKEN", "value": "(sensitive)"}}]]),
        ({"value": "x"}, {"value": "x"}),
        ({"name": 5, "value": "x"}, {"name": 5, "value": "x"}),
        ("API_KEY", "API_KEY"),
        (None, None),
    ],
)
def test_values_under_secret_names_are_hidden(value: Any, shown: Any) -> None:
    assert secrets.redact(value) == shown


def test_where_names_are_given_all_others_are_hidden_too() -> None:
    told = [{"name": name, "value": "x"} for name in ("EPOCHS", "DB", "API_KEY")]
    assert [item["value"] for item in secrets.redact(told, {"EPOCHS", "API_KEY"})] == [
        "x",
        "(sensitive)",
        "(sensitive)",
    ]


def test_hiding_leaves_its_input_alone() -> None:
    value = {"env": [{"name": "API_KEY", "value": "x"}]}
    secrets.redact(value)
    assert value == {"env": [{"name": "API_KEY", "value": "x"}]}
