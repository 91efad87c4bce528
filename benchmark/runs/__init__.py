"""Makes and reads runs. A run has a ledger with completions, and an Inspect log with the grades of the completions."""
