"""Candidates, the models under test: specs, weights, fingerprints, recipes."""
