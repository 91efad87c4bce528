"""Trivial policies: simple rules that answer instead of a model. Reports compare the scores of models with theirs."""
