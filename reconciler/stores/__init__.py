"""Where lock, ledger and journals are kept. Knows files and their durability, nothing about jobs."""
