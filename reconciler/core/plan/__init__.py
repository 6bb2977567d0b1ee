"""What is to be done? From what was observed to changes, guards and a plan."""
