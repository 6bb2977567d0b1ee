"""The decision table as Markdown, from the table that the program itself runs on."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from reconciler.core.plan.table import ACTIVE, ENDED, ON_CHANGE, TABLE, UNSUCCESSFUL, WORKING, Role, Row, Wanted
from reconciler.core.runs.heads import Spec
from reconciler.renderers.words import REASONS
from reconciler.vocabulary.kinds import Phase
from reconciler.vocabulary.model import Removal
from tools.pages.markdown_tables import code, table

_SECTIONS: tuple[tuple[str, Wanted, Role], ...] = (
    ("A manifest wants it present: the head", Wanted.PRESENT, Role.HEAD),
    ("A manifest wants it present: other live runs of the address", Wanted.PRESENT, Role.OTHER),
    ("A manifest wants it cancelled: every run", Wanted.CANCELLED, Role.HEAD),
    ("A manifest wants it absent: every run", Wanted.ABSENT, Role.HEAD),
    ("No manifest names it: every run", Wanted.NOTHING, Role.HEAD),
)

_PHASES: tuple[tuple[frozenset[Phase], str], ...] = (
    (frozenset((*ACTIVE, *ENDED)), "any"),
    (frozenset(ACTIVE), "active"),
    (frozenset(WORKING), "PENDING, RUNNING"),
    (frozenset(ENDED), "ended"),
    (frozenset(UNSUCCESSFUL), "FAILED, CANCELLED, EXPIRED"),
    (frozenset((*WORKING, Phase.SUCCEEDED)), "PENDING, RUNNING, SUCCEEDED"),
)


def parts() -> dict[str, str]:
    """Return the generated parts of docs/decisions.md."""
    return {
        "decisions": "\n\n".join(_section(*each) for each in _SECTIONS),
        "on-change": _on_change(),
        "reasons": table(("reason", "meaning"), ((code(name), text) for name, text in REASONS.items())),
    }


def _section(title: str, wanted: Wanted, role: Role) -> str:
    rows = [row for row in TABLE if row.wanted is wanted and row.role is role]
    lines = (
        (str(number), _run(row), ", ".join(_conditions(row)) or "–", _verdict(row), code(row.reason))
        for number, row in enumerate(rows, start=1)
    )
    return f"### {title}\n\n{table(('', 'run', 'and', 'then', 'reason'), lines)}"


def _run(row: Row) -> str:
    if row.phases is None:
        return "any, or none"
    if tuple(row.phases) == (None,):
        return "none, live or remembered"
    where = {None: "", True: "live, ", False: "only in the ledger, "}[row.live]
    return where + _phases(row.phases)


def _phases(phases: Collection[Phase | None]) -> str:
    named = frozenset(phase for phase in phases if phase is not None)
    return next((name for these, name in _PHASES if these == named), ", ".join(phase.value for phase in named))


def _conditions(row: Row) -> Iterable[str]:
    if row.spec is not None:
        yield {
            frozenset({Spec.EQUAL}): "spec equal",
            frozenset({Spec.EQUAL, Spec.MOVED}): "spec equal",
            frozenset({Spec.MOVED}): "spec equal, scope differs",
            frozenset({Spec.DIFFERS}): "spec differs",
        }[frozenset(row.spec)]
    if row.removal is not None:
        yield "onRemoval " + " or ".join(removal.value for removal in Removal if removal in row.removal)
    words = (
        (row.token_new, "token new", "token not new"),
        (row.may_rerun, "`rerun` allows another", "`rerun` allows no other"),
        (row.beyond_history, "beyond `history`", "within `history`"),
        (row.can_delete, "the API can delete", "the API cannot delete"),
        (row.marked, "with our labels", "lost our labels"),
    )
    yield from (yes if value else no for value, yes, no in words if value is not None)


def _verdict(row: Row) -> str:
    word = "as `onChange`" if row.verdict.value == "onChange" else row.verdict.value
    return f"{word}, needs `--allow-cancel`" if row.unwritten else word


def _on_change() -> str:
    rows = (
        (
            code(policy.value),
            "head" if role is Role.HEAD else "other run",
            "blocked" if verdict.value == "refuse" else verdict.value,
            code(reason) or "the row's",
            "yes, while the run is PENDING or RUNNING" if asks else "no",
        )
        for (role, policy), (verdict, reason, asks) in ON_CHANGE.items()
    )
    return table(("`onChange`", "run", "then", "reason", "needs `--allow-cancel`"), rows)
