"""Finds candidates (models under test): resolves specs, finds weights, computes fingerprints, and plans recipes."""
