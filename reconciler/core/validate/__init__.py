"""Decide whether documents and stack files mean something, and say all that is wrong. The only place of JSON Schema."""
