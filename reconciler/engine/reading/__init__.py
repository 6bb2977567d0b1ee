"""What is there? Lists and gets turned into an observation, and the runs of an address."""
