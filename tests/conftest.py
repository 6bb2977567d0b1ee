"""What holds for every test: property tests draw the same examples on every machine and every day."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")
