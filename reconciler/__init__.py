"""Declarative reconciliation of Google Cloud job resources: manifests in, a reviewed plan out, and nothing else done."""

__version__ = "0.1.0"
