"""The judge: outcomes, matching, grades and metrics."""
