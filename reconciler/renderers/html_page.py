"""A plan as one HTML file that works from anywhere: no request, no cookie, no clock, the same bytes for the same plan.

Every value is made visible and escaped at one place, where the template writes it (docs/adr/0009).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from reconciler.renderers import escape, headline, html_view, words
from reconciler.renderers.style import Style
from reconciler.vocabulary.plans import Action, Plan

if TYPE_CHECKING:
    from jinja2 import Environment

BODIES_UP_TO = 1_000
"""Changes: what each call sends is some 2 kB of a create, and a page of many megabytes opens slowly."""


def plan(plan: Plan, saved: Mapping[str, Any], style: Style) -> str:
    """Return the plan as a page. `saved` is the plan file's content; `style.verbose` leaves out no request body."""
    bodies = style.verbose or len(plan.changes) <= BODIES_UP_TO
    digest, created_at = str(saved["digest"]), str(saved["createdAt"])
    rows = html_view.rows(plan, created_at, bodies=bodies)
    style_text, script = _asset("plan.css"), _asset("plan.js")
    return _environment().get_template("plan.html").render(
        plan=plan,
        headline=headline.of(plan),
        doubt=words.doubt(plan),
        part=words.part(plan),
        quota=words.quota_time(plan),
        against=words.against(plan, created_at),
        digest=digest,
        created_at=created_at,
        version=str(saved["tool"]["version"]),
        runs=sum(count.runs for count in plan.scopes),
        counts=[(action, action.symbol, plan.summary()[action.value]) for action in Action],
        blocks=html_view.blocks(plan.blocked),
        command=html_view.command(plan, digest),
        rows=[row for row in rows if row.change.action is not Action.NOOP],
        unchanged=[row for row in rows if row.change.action is Action.NOOP],
        bodies=bodies,
        word=words.action,
        count=words.count,
        policy=_policy(style_text, script),
        style=_trusted(style_text),
        script=_trusted(script),
    )  # fmt: skip


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(lambda name: _asset(f"{name}.jinja")),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _shown(value: Any) -> Any:
    """Make what an expression gives visible before it is escaped; Markup is our own and stays as it is."""
    if hasattr(value, "__html__"):
        return value
    return escape.visible(value) if isinstance(value, str) else value


def _asset(name: str) -> str:
    return resources.files("reconciler.renderers").joinpath("pages", name).read_text(encoding="utf-8")


def _trusted(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


def _policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that runs our own style and script and nothing else, and fetches nothing."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
