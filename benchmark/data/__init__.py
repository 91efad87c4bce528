"""Defines cases, traces, completions, trace datasets and training records."""
