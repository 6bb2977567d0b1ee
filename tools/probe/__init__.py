"""Questions to the real job APIs, and what was answered."""
