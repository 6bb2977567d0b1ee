"""The engine is tried against the emulator: its tests share the sites of the invariants."""

from tests.invariants.conftest import new_site, site

__all__ = ["new_site", "site"]
