"""How people are talked to: flags, outputs, questions, progress, completions."""
