"""What things cost, measured so that anybody can measure them again: each module is a subject and prints tables."""
