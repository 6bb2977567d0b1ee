"""Turn what other tools take for a job into a manifest, and say everything that was changed on the way."""

from reconciler.core.convert.conversion import Converted, to_manifest

__all__ = ["Converted", "to_manifest"]
