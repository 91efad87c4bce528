"""Defines the protocols of plug-ins, and makes a command for each plug-in."""
