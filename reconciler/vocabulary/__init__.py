"""The words every level shares: values, kinds, errors and protocols. No I/O, no decisions, no third-party imports."""
