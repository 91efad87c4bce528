"""Runs. A run consists of a ledger with completions, and an Inspect log with the grades of the completions."""
