"""Computes intervals, comparisons, verdicts and gates from grades."""
