"""Runs: completions in a ledger, and the Inspect log judged from them."""
