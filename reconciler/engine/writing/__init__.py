"""What is done? A plan applied: each change carried out, each outcome recorded."""
