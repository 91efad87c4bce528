"""The judge: it grades completions and computes metrics from the grades."""
