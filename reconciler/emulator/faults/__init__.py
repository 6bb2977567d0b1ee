"""What goes wrong? Faults as data, how they are read, and what they do to a reply."""
