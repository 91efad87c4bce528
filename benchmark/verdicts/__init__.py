"""Statistics: computes intervals, comparisons, verdicts and gates from grades."""
