"""What several commands share: planning, applying, asking, and what each is asked for."""
