"""The laws are tried on sites."""

from tests.support.sites import new_site, site

__all__ = ["new_site", "site"]
