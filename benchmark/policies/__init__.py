"""Trivial policies that answer in place of a model, to compare scores with."""
