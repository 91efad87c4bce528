"""Cases, traces, completions, datasets and training records."""
