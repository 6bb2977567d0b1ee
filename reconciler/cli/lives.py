"""Which life the emulator's jobs lead, read from a flag or a variable. It starts no emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.vocabulary import errors

if TYPE_CHECKING:
    from reconciler.emulator.state.lifecycle import Timings


def read(name: str, where: str) -> Timings:
    """Return the life of a name, the recorded one for none. Raises errors.InputError that names `where` it was said."""
    from reconciler.emulator.state import lifecycle

    try:
        return lifecycle.preset(name or "recorded")
    except ValueError as wrong:
        raise errors.InputError(f"{where}: {wrong}", "docs/emulator.md says what each does") from wrong
