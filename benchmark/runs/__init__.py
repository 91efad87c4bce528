"""Runs: completions in a ledger, and the Inspect log with their grades."""
