"""What is generated below schemas/: the published schemas and what the program reads of each kind."""
