"""Developer tools: they write what is checked in, and nothing of the installed program imports them."""
