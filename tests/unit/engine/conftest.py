"""The engine is tried against the emulator, on the same sites as the laws."""

from tests.support.sites import new_site, site

__all__ = ["new_site", "site"]
