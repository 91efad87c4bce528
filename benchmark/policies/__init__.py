"""Trivial policies that stand where a model would, so that a score can be compared with them."""
