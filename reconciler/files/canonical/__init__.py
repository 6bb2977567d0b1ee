"""Manifests rewritten in canonical form, comments kept: the text of YAML and JSON, never its meaning."""
