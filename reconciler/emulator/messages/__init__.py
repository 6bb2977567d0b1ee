"""What is a resource? Its shape, how it is read, filled in and checked."""
