"""The command line: flags in, exit codes out. `wiring` is the one place that builds objects."""
