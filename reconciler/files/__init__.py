"""YAML, JSON, schemas and Git revisions on disk, read into values. Decides nothing about jobs."""
