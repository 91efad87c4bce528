"""Grades completions and computes metrics from the grades."""
