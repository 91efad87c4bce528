"""Errors, entry points, the hub, progress and printing: what every other part may use."""
