"""What an editor shows over a new stack, asked of a real language server.

Where none is installed these tests are left out: tests/support/language_server.py says how to get one.
"""

from __future__ import annotations

from tests.support import language_server

collect_ignore_glob = [] if language_server.program() else ["test_language_server.py"]
