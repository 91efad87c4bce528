"""Trivial policies: simple rules that answer instead of a model. Reports compare models with these policies."""
