"""The job APIs without a cloud: a Transport over SQLite. It judges `core`, so it never imports it."""
