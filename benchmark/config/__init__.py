"""Defines the types of options, and reads the values of options from their sources."""
