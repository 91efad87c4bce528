"""Runs. A run consists of completions in a ledger, and an Inspect log with the grades of the completions."""
