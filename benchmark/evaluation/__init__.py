"""Runs an evaluation: resolves specs, lets candidates answer cases, judges the answers and compares the candidates."""
