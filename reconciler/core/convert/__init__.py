"""Turn what other tools take for a job into a manifest, and say everything that was changed on the way.

`read_inserts` takes StackQL files apart into resources for `to_manifest`; `soften` tells blanks from failures.
"""

from reconciler.core.convert.conversion import Converted, to_manifest
from reconciler.core.convert.inserts import Insert, Inserts
from reconciler.core.convert.inserts import read as read_inserts
from reconciler.core.convert.unfilled import soften

__all__ = ["Converted", "Insert", "Inserts", "read_inserts", "soften", "to_manifest"]
